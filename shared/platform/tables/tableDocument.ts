/** Names of the document's parts; a property holds at most 64 KiB, which is 32,768 UTF-16 code units. */
const partName = (index: number): string => `document${String(index)}`;
const PART_LENGTH = 32_000;
/** A row holds at most 1 MiB; this leaves 88 KiB of it to keys and columns. */
export const MAX_DOCUMENT_LENGTH = 15 * PART_LENGTH;

/** The properties of a row that hold a document. */
export function split(document: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let index = 0, start = 0; start < document.length; index++) {
    // A character of two code units must not be torn: half of one does not survive UTF-8.
    const torn = /[\uD800-\uDBFF]/.test(document.charAt(start + PART_LENGTH - 1));
    const end = start + PART_LENGTH - (torn ? 1 : 0);
    parts[partName(index)] = document.slice(start, end);
    start = end;
  }
  return parts;
}

export function join(entity: Readonly<Record<string, unknown>>): string {
  let document = '';
  for (let index = 0; typeof entity[partName(index)] === 'string'; index++)
    document += entity[partName(index)] as string;
  return document;
}
