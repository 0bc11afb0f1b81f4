import { createHash } from 'node:crypto';

/** The namespace of the ids of this project. It never changes: another one would give every role and scope another id. */
const NAMESPACE = 'e6ede9ef-cb21-4399-bae8-5d8df4cea415';

/** Returns the UUID of a name in a namespace, always the same (version 5: RFC 9562, section 5.5). */
export function deterministicId(name: string, namespace = NAMESPACE): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
