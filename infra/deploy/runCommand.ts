import { interruption } from '../local/interruption.ts';
import { LocalError } from '../local/localError.ts';

/**
 * Runs a command of the terminal. `act` gets a signal that Ctrl-C aborts, and resolves to whether it succeeded. A second Ctrl-C
 * ends the process at once.
 */
export async function runCommand(
  command: string,
  act: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const { signal } = interruption(['SIGINT', 'SIGTERM'], new LocalError('interrupted'));
  try {
    process.exitCode = (await act(signal)) ? 0 : 1;
  } catch (error) {
    const isExpected = error instanceof LocalError;
    console.error(isExpected ? `${command}: ${error.message}` : error);
    process.exitCode = 1;
  }
}
