/** Returns the property name of a part of the document. A property holds at most 64 KiB, which is 32,768 UTF-16 code units. */
const partName = (index: number): string => `document${String(index)}`;
const PART_LENGTH = 32_000;
/** UTF-16 code units. A row holds at most 1 MiB. This leaves 88 KiB for keys and columns. */
export const MAX_DOCUMENT_LENGTH = 15 * PART_LENGTH;

/** Returns the properties of a row that hold a document. */
export function split(document: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let index = 0, start = 0; start < document.length; index++) {
    // A cut within a surrogate pair would lose the character: half of a pair has no UTF-8.
    const isCut = /[\uD800-\uDBFF]/.test(document.charAt(start + PART_LENGTH - 1));
    const end = start + PART_LENGTH - (isCut ? 1 : 0);
    parts[partName(index)] = document.slice(start, end);
    start = end;
  }
  return parts;
}

/** Returns the document of a row. */
export function join(entity: Readonly<Record<string, unknown>>): string {
  let document = '';
  for (let index = 0; typeof entity[partName(index)] === 'string'; index++)
    document += entity[partName(index)] as string;
  return document;
}
