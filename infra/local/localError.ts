/** An error that the user at the terminal can mend. The message says how, and the terminal shows no stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
