import { createHmac, hash } from 'node:crypto';
import { canonicalJson } from '../../platform/base/canonicalJson.ts';
import { type AuditEvent, type AuditRecord, type Segment, SEGMENT_LENGTH, recordId } from './record.ts';

/** Hash of a JSON value. */
export type Digest = (value: object) => string;

/**
 * SHA-256, keyed where there is a key. Without one the chain shows what was changed by whoever did not make all hashes after
 * it anew; with one, nobody without the key can do that. Either way a storage administrator can take a tenant's chain back
 * to an earlier state, or remove it as a whole: only a head that is kept elsewhere shows that. Sealing heads with a key of
 * Key Vault, export to storage that cannot be changed, and retention are not here yet.
 */
export function createDigest(key?: Uint8Array): Digest {
  if (key === undefined) return (value) => hash('sha256', canonicalJson(value), 'base64url');
  return (value) => createHmac('sha256', key).update(canonicalJson(value)).digest('base64url');
}

export function withHash<T extends object>(content: T, digest: Digest): T & { readonly hash: string } {
  return { ...content, hash: digest(content) };
}

/** Whether a record or segment is as it was when its hash was made. */
export function isIntact({ hash, ...content }: AuditRecord | Segment, digest: Digest): boolean {
  return digest(content) === hash;
}

/** What the first record of a chain names as its predecessor: a chain cannot be passed off as another's. */
export const genesis = (tenantId: string, chain: string, digest: Digest): string =>
  digest({ tenantId, chain });

/** The empty segment that a chain begins with. */
export function beginChain(tenantId: string, chain: string, at: string, digest: Digest): Segment {
  return emptySegment(tenantId, chain, 0, at, genesis(tenantId, chain, digest), digest);
}

function emptySegment(
  tenantId: string,
  chain: string,
  number: number,
  at: string,
  start: string,
  digest: Digest,
): Segment {
  return withHash({ tenantId, chain, number, count: 0, firstAt: at, lastAt: at, start, head: start }, digest);
}

/** One act on its way into a chain. */
export interface Entry {
  readonly at: string;
  readonly event: AuditEvent;
}

export interface Extension {
  readonly records: readonly AuditRecord[];
  /** The segment as it is then; when that fills it, the empty one after it too. */
  readonly segments: readonly Segment[];
}

/** Links entries to the end of a segment, which must have room for them. */
export function extend(segment: Segment, entries: readonly Entry[], digest: Digest): Extension {
  const { tenantId, chain, number } = segment;
  const records: AuditRecord[] = [];
  let { count, head, lastAt } = segment;
  for (const { at, event } of entries) {
    lastAt = at > lastAt ? at : lastAt;
    const seq = number * SEGMENT_LENGTH + count++;
    const content = { ...event, id: recordId(chain, seq), at: lastAt, chain, seq, previous: head };
    const record = withHash(content, digest);
    records.push(record);
    head = record.hash;
  }
  const { hash: _hash, ...before } = segment;
  const firstAt = segment.count === 0 ? (records[0]?.at ?? segment.firstAt) : segment.firstAt;
  const extended = withHash({ ...before, count, firstAt, lastAt, head }, digest);
  if (count < SEGMENT_LENGTH) return { records, segments: [extended] };
  return { records, segments: [extended, emptySegment(tenantId, chain, number + 1, lastAt, head, digest)] };
}
