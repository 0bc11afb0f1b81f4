/** An object of a document that somebody else wrote: a client's entry, or a part of one. */
export type Entry = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
