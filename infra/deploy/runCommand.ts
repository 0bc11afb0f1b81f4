import { LocalError } from '../local/localError.ts';

/** The exit code of a program that a signal ended. */
const INTERRUPTED = 130;

/**
 * Runs a command of the terminal. `act` gets a signal that Ctrl-C aborts, and resolves to whether it succeeded. A second Ctrl-C
 * ends the process at once.
 */
export async function runCommand(
  command: string,
  act: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(INTERRUPTED);
      interrupted.abort(new LocalError('interrupted'));
    });
  }
  try {
    process.exitCode = (await act(interrupted.signal)) ? 0 : 1;
  } catch (error) {
    const isExpected = error instanceof LocalError;
    console.error(isExpected ? `${command}: ${error.message}` : error);
    process.exitCode = 1;
  }
}
