/**
 * Returns a function that calls `load` with its first call, and shares the outcome with all others. A failure is not kept: the
 * next call loads again. Otherwise one failed import, such as for want of file handles, would last as long as the process.
 */
export function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}
