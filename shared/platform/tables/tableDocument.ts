import { deflateRawSync, inflateRawSync } from 'node:zlib';

/*
 * The document of a row. A document that fits is stored as text. A longer one is packed: deflated, in binary properties. A row
 * holds at most 1 MiB, and a property 64 KiB (32,768 UTF-16 code units).
 */

const partName = (index: number): string => `document${String(index)}`;
const packedName = (index: number): string => `packed${String(index)}`;
const PARTS = 15;
const PART_LENGTH = 32_000;
const PART_BYTES = 64_000;
/** UTF-16 code units of a document that always fits. This leaves 88 KiB of a row for keys and columns. */
export const MAX_DOCUMENT_LENGTH = PARTS * PART_LENGTH;
/** UTF-16 code units of a document that is packed. Packing and unpacking take some 50 ms at this length. */
const MAX_PACKED_LENGTH = 6 * 1024 * 1024;
const MAX_PACKED_BYTES = PARTS * PART_BYTES;

/** Azure counts a text as UTF-16, Azurite as UTF-8 in JSON. Both must have room for it. */
const fitsAsText = (document: string, reserve = 0): boolean =>
  document.length <= MAX_DOCUMENT_LENGTH - reserve &&
  (document.length * 6 <= MAX_PACKED_BYTES - reserve ||
    Buffer.byteLength(JSON.stringify(document)) <= MAX_PACKED_BYTES - reserve);

const pack = (document: string): Buffer => deflateRawSync(document, { level: 4 });

/** Returns the bytes of a document once it is packed. */
export const packedLength = (document: string): number => pack(document).byteLength;

/** Whether a row holds a document of this JSON, with `reserve` bytes left for other fields of the same document. */
export const fitsRow = (document: string, reserve: number): boolean =>
  fitsAsText(document, reserve) ||
  (document.length <= MAX_PACKED_LENGTH - reserve && packedLength(document) <= MAX_PACKED_BYTES - reserve);

/** Returns the properties of a row that hold a document. @throws RangeError when the document is too long */
export function split(document: string): Record<string, string | Uint8Array> {
  if (!fitsAsText(document)) return splitPacked(document);
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

/** Returns the properties of a row that hold a document, packed. @throws RangeError when the document is too long */
export function splitPacked(document: string): Record<string, Uint8Array> {
  const packed = document.length > MAX_PACKED_LENGTH ? undefined : pack(document);
  if (packed === undefined || packed.byteLength > MAX_PACKED_BYTES)
    throw new RangeError('the document is too long for a row');
  const parts: Record<string, Uint8Array> = {};
  for (let index = 0; index * PART_BYTES < packed.byteLength; index++)
    parts[packedName(index)] = packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
  return parts;
}

/** Returns the document of a row. */
export function join(entity: Readonly<Record<string, unknown>>): string {
  const packed: Uint8Array[] = [];
  for (let part = entity[packedName(0)]; part instanceof Uint8Array; part = entity[packedName(packed.length)])
    packed.push(part);
  if (packed.length > 0)
    return inflateRawSync(Buffer.concat(packed), { maxOutputLength: 4 * MAX_PACKED_LENGTH }).toString('utf8');
  let document = '';
  for (let index = 0; typeof entity[partName(index)] === 'string'; index++)
    document += entity[partName(index)] as string;
  return document;
}
