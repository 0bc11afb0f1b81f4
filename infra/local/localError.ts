/** Something that whoever sits at the terminal can act on: the message is one line, and no stack is of use. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
