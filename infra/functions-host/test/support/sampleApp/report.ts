/** Tells the test, which has forked the host, what a function has seen. */
export function report(what: string, detail: unknown): void {
  process.send?.({ type: 'sample', what, detail });
}
