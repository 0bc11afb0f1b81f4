import { createHmac, hash } from 'node:crypto';
import { canonicalJson } from '../../platform/base/json.ts';
import { type AuditEvent, type AuditRecord, recordId, type Segment, SEGMENT_LENGTH } from './record.ts';

/** Hash of a JSON value. */
export type Digest = (value: object) => string;

/**
 * Returns SHA-256, or HMAC-SHA-256 with a key. Without a key, the chain shows a change unless all later hashes were computed
 * again; with a key, nobody without it can do that. In both cases a storage administrator can restore an earlier state of a
 * chain, or remove the whole chain; only a head that is stored elsewhere shows that. Sealing heads with a key of Key Vault,
 * export to immutable storage, and retention do not exist yet.
 */
export function createDigest(key?: Uint8Array): Digest {
  if (key === undefined) return (value) => hash('sha256', canonicalJson(value), 'base64url');
  return (value) => createHmac('sha256', key).update(canonicalJson(value)).digest('base64url');
}

export function withHash<T extends object>(content: T, digest: Digest): T & { readonly hash: string } {
  return { ...content, hash: digest(content) };
}

/** Returns whether a record or segment still has the content of its hash. */
export function isIntact({ hash, ...content }: AuditRecord | Segment, digest: Digest): boolean {
  return digest(content) === hash;
}

/** Returns the predecessor of the first record of a chain. It names the tenant, so that a chain cannot be moved to another. */
export const genesis = (tenantId: string, chain: string, digest: Digest): string =>
  digest({ tenantId, chain });

/** Returns the empty segment that a chain begins with. */
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

/** An act that is not in a chain yet. */
export interface Entry {
  readonly at: string;
  readonly event: AuditEvent;
}

export interface Extension {
  readonly records: readonly AuditRecord[];
  /** The extended segment; if that is full, the next, empty one too. */
  readonly segments: readonly Segment[];
}

/** Links entries to the end of a segment. The segment must have room for them. */
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
