/** One Ctrl-C arrives twice under npm: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 500;
/** The exit code of a program that a signal ended. */
const INTERRUPTED = 130;

/** Returns a controller that the first of these signals to this process aborts with `reason`. A second one ends the process at once. */
export function interruption(signals: readonly NodeJS.Signals[], reason?: Error): AbortController {
  const interrupted = new AbortController();
  let interruptedAt = 0;
  for (const signal of signals) {
    process.on(signal, () => {
      if (!interrupted.signal.aborted) interruptedAt = performance.now();
      else if (performance.now() - interruptedAt > SAME_SIGNAL_MS) process.exit(INTERRUPTED);
      interrupted.abort(reason);
    });
  }
  return interrupted;
}
