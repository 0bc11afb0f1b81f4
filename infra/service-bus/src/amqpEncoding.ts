/** AMQP 1.0 encodings (part 1, section 1.6), as far as the message codec reads and writes them itself. */

/** The bytes are not what AMQP allows there. */
export class AmqpDecodeError extends Error {
  override readonly name = 'AmqpDecodeError';
}

const DESCRIBED = 0x00;
const NULL = 0x40;
const LIST0 = 0x45;

/** The width of a fixed value, or of the size field of a variable one, by the high half of its type code. */
const FIXED_WIDTHS: Readonly<Record<number, number>> = { 0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16 };
const SIZE_WIDTHS: Readonly<Record<number, 1 | 4>> = { 0xa: 1, 0xb: 4, 0xc: 1, 0xd: 4, 0xe: 1, 0xf: 4 };

/** The offset after the value at `offset`, which may be described; a descriptor is a plain value. */
export function skipValue(bytes: Buffer, offset: number): number {
  let start = offset;
  while (byteAt(bytes, start) === DESCRIBED) start = skipPlainValue(bytes, start + 1);
  return skipPlainValue(bytes, start);
}

function skipPlainValue(bytes: Buffer, offset: number): number {
  const fixedWidth = FIXED_WIDTHS[byteAt(bytes, offset) >> 4];
  const end = fixedWidth === undefined ? contentAt(bytes, offset).end : offset + 1 + fixedWidth;
  if (end > bytes.length) throw new AmqpDecodeError(`a value at ${offset} ends after the message`);
  return end;
}

/** Where the content of a variable-width or compound value lies: after its size field. */
export function contentAt(bytes: Buffer, offset: number): { start: number; end: number; sizeWidth: 1 | 4 } {
  const code = byteAt(bytes, offset);
  const sizeWidth = SIZE_WIDTHS[code >> 4];
  if (sizeWidth === undefined) throw new AmqpDecodeError(`type code 0x${code.toString(16)} at ${offset}`);
  const start = offset + 1 + sizeWidth;
  const end = start + uintAt(bytes, offset + 1, sizeWidth);
  if (end > bytes.length) throw new AmqpDecodeError(`a value at ${offset} ends after the message`);
  return { start, end, sizeWidth };
}

/** The raw items of the list or map at `offset`, each with its type code. */
export function itemsAt(bytes: Buffer, offset: number): Buffer[] {
  if (byteAt(bytes, offset) === LIST0 || byteAt(bytes, offset) === NULL) return [];
  const { start, end, sizeWidth } = contentAt(bytes, offset);
  const count = uintAt(bytes, start, sizeWidth);
  const items: Buffer[] = [];
  let position = start + sizeWidth;
  while (items.length < count) {
    const next = skipValue(bytes, position);
    if (next > end) throw new AmqpDecodeError(`more items than fit at ${offset}`);
    items.push(bytes.subarray(position, next));
    position = next;
  }
  return items;
}

/** The text of a string or symbol. */
export function textOf(item: Buffer): string {
  const { start, end } = contentAt(item, 0);
  return item.toString('utf8', start, end);
}

/** The item, unless it is missing or null. */
export function present(item: Buffer | undefined): Buffer | undefined {
  return item?.[0] === NULL ? undefined : item;
}

/** The number in an integer or timestamp item, or undefined for any other type. */
export function numberOf(item: Buffer | undefined): number | undefined {
  switch (item?.[0]) {
    case 0x43: // uint 0
    case 0x44: // ulong 0
      return 0;
    case 0x50: // ubyte
    case 0x52: // small uint
    case 0x53: // small ulong
      return item.readUInt8(1);
    case 0x54: // small int
    case 0x55: // small long
      return item.readInt8(1);
    case 0x70: // uint
      return item.readUInt32BE(1);
    case 0x71: // int
      return item.readInt32BE(1);
    case 0x80: // ulong
      return Number(item.readBigUInt64BE(1));
    case 0x81: // long
    case 0x83: // timestamp
      return Number(item.readBigInt64BE(1));
    default:
      return undefined;
  }
}

export const encodedNull = Buffer.of(NULL);

export function encodeUint(value: number): Buffer {
  if (value === 0) return Buffer.of(0x43);
  if (value < 256) return Buffer.of(0x52, value);
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = 0x70;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

export function encodeInt(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = 0x71;
  bytes.writeInt32BE(value, 1);
  return bytes;
}

export function encodeLong(value: number): Buffer {
  return eightBytes(0x81, value);
}

export function encodeTimestamp(value: number): Buffer {
  return eightBytes(0x83, value);
}

export function encodeString(text: string): Buffer {
  return variable(0xa1, Buffer.from(text, 'utf8'));
}

export function encodeSymbol(text: string): Buffer {
  return variable(0xa3, Buffer.from(text, 'latin1'));
}

/** `count` items, encoded in `parts`. */
export function encodeList(count: number, parts: readonly Uint8Array[]): Buffer {
  return compound(0xd0, count, parts);
}

/** `count` keys and values, encoded in `parts`. */
export function encodeMap(count: number, parts: readonly Uint8Array[]): Buffer {
  return compound(0xd1, count, parts);
}

function eightBytes(code: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = code;
  bytes.writeBigInt64BE(BigInt(Math.trunc(value)), 1);
  return bytes;
}

/** `shortCode` is the type code with a size of one byte; the one with four bytes is 0x10 above it. */
function variable(shortCode: number, content: Buffer): Buffer {
  if (content.length < 256) return Buffer.concat([Buffer.of(shortCode, content.length), content]);
  const head = Buffer.allocUnsafe(5);
  head[0] = shortCode + 0x10;
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function compound(code: number, count: number, parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 4);
  const head = Buffer.allocUnsafe(9);
  head[0] = code;
  head.writeUInt32BE(size, 1);
  head.writeUInt32BE(count, 5);
  return Buffer.concat([head, ...parts], 5 + size);
}

function byteAt(bytes: Buffer, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) throw new AmqpDecodeError(`the message ends at ${offset}, within a value`);
  return byte;
}

function uintAt(bytes: Buffer, offset: number, width: 1 | 4): number {
  if (offset + width > bytes.length)
    throw new AmqpDecodeError(`the message ends at ${bytes.length}, within a value`);
  return width === 1 ? bytes.readUInt8(offset) : bytes.readUInt32BE(offset);
}
