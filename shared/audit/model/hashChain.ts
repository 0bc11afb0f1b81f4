import { createHmac, hash } from 'node:crypto';
import { canonicalJson } from '../../platform/base/json.ts';
import {
  type AuditEvent,
  type AuditRecord,
  recordId,
  type SealedRecord,
  type Segment,
  SEGMENT_LENGTH,
} from './record.ts';
import { recordKey } from './trailStore.ts';

/** Hash of a text. */
export type Digest = (text: string) => string;

/**
 * Returns SHA-256, or HMAC-SHA-256 with a key. Without a key, the chain shows a change unless all later hashes were computed
 * again; with a key, nobody without it can do that. In both cases a storage administrator can restore an earlier state of a
 * chain, or remove the whole chain; only a head that is stored elsewhere shows that. Sealing heads with a key of Key Vault,
 * export to immutable storage, and retention do not exist yet.
 */
export function createDigest(key?: Uint8Array): Digest {
  if (key === undefined) return (text) => hash('sha256', text, 'base64url');
  return (text) => createHmac('sha256', key).update(text).digest('base64url');
}

/** Returns the content with the hash of its canonical JSON. */
export function withHash<T extends object>(content: T, digest: Digest): T & { readonly hash: string } {
  return { ...content, hash: digest(canonicalJson(content)) };
}

/** Returns whether a record or segment still has the content of its hash. */
export function isIntact({ hash, ...content }: AuditRecord | Segment, digest: Digest): boolean {
  // The schemas have their fields in the order of canonical JSON, so the quick text is the hashed one unless fields were added.
  return digest(JSON.stringify(content)) === hash || digest(canonicalJson(content)) === hash;
}

/** Returns the predecessor of the first record of a chain. It names the tenant, so that a chain cannot be moved to another. */
export const genesis = (tenantId: string, chain: string, digest: Digest): string =>
  digest(canonicalJson({ tenantId, chain }));

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
  readonly records: readonly SealedRecord[];
  /** The extended segment; if that is full, the next, empty one too. */
  readonly segments: readonly Segment[];
}

/** Links entries to the end of a segment. The segment must have room for them. */
export function extend(segment: Segment, entries: readonly Entry[], digest: Digest): Extension {
  const { tenantId, chain, number } = segment;
  const records: SealedRecord[] = [];
  let { count, firstAt, head, lastAt } = segment;
  for (const { at, event } of entries) {
    lastAt = at > lastAt ? at : lastAt;
    if (count === 0) firstAt = lastAt;
    const record = seal(event, lastAt, chain, number * SEGMENT_LENGTH + count++, head, digest);
    records.push(record);
    head = record.hash;
  }
  const { hash: _hash, ...before } = segment;
  const extended = withHash({ ...before, count, firstAt, lastAt, head }, digest);
  if (count < SEGMENT_LENGTH) return { records, segments: [extended] };
  return { records, segments: [extended, emptySegment(tenantId, chain, number + 1, lastAt, head, digest)] };
}

/** Every field of a record but its hash: a field that `seal` leaves out does not compile. */
type Content = {
  readonly [
    Field in keyof AuditRecord as string extends Field
      ? never
      : number extends Field
        ? never
        : Exclude<Field, 'hash'>
  ]-?: unknown;
};

/** Makes the record of an event. Its fields stand in the order of canonical JSON, so that one text is hashed and stored. */
function seal(
  event: AuditEvent,
  at: string,
  chain: string,
  seq: number,
  previous: string,
  digest: Digest,
): SealedRecord {
  const id = recordId(chain, seq);
  const content = JSON.stringify({
    action: event.action,
    actor: event.actor,
    actorName: event.actorName,
    at,
    begunBy: event.begunBy,
    chain,
    count: event.count,
    decision: event.decision,
    durationMs: event.durationMs,
    id,
    outcome: event.outcome,
    ownCheck: event.ownCheck,
    previous,
    reason: event.reason,
    resource: event.resource,
    resourceName: event.resourceName,
    seq,
    tenantId: event.tenantId,
    traceId: event.traceId,
  } satisfies Content);
  const hash = digest(content);
  return { id, key: recordKey({ at, chain, seq }), hash, text: `${content.slice(0, -1)},"hash":"${hash}"}` };
}
