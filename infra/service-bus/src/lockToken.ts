/**
 * A lock token travels as a delivery tag in the byte order of a .NET Guid, whose first three fields are
 * little-endian, and as an AMQP uuid in the order in which it is written.
 */
const GUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

export function tagOf(lockToken: string): Buffer {
  return swap(uuidBytes(lockToken));
}

export function lockTokenOfTag(tag: Buffer): string {
  return lockTokenOfUuid(swap(tag));
}

export function lockTokenOfUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function swap(bytes: Buffer): Buffer {
  return Buffer.from(GUID_ORDER.map((position) => bytes[position] ?? 0));
}
