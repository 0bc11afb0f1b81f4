import { MAX_STRAYS, VERIFY_PAGE_ROWS } from '../limits.ts';
import { type Digest, isIntact } from '../model/hashChain.ts';
import { type AuditRecord, recordId, SEGMENT_LENGTH } from '../model/record.ts';
import {
  type Place,
  placeOf,
  recordKey,
  recordOf,
  segmentKey,
  segmentOf,
  type TrailQuery,
  type TrailRow,
  type TrailStore,
} from '../model/trailStore.ts';
import { type Chains, readChains } from './readChains.ts';
import { createSlot, type Slot } from './segmentSlot.ts';
import { type Fault, firstOf, type Tampering } from './tampering.ts';

export interface Verification {
  /** Unchanged records. */
  readonly verified: number;
  readonly segments: number;
  /** The oldest changed record. Absent: the trail is intact. */
  readonly firstBad?: { readonly id: string; readonly at: string; readonly reason: Tampering };
}

export interface VerifyDeps {
  readonly store: TrailStore;
  readonly digest: Digest;
  readonly signal: AbortSignal;
}

/**
 * Verifies the segments of a tenant that touch a span of time, or all segments, while instances continue to write. It reads the
 * span once, and holds the segments in memory that were written at the same time. Every record must be in its place, have the
 * hash of its content, and name the hash of the record before it. No record may be missing before the end that its segment
 * names. `createDigest` says what a trail cannot show by itself. @throws when the signal aborts, or the store is unavailable.
 */
export async function verifyTrail(
  tenantId: string,
  span: Pick<TrailQuery, 'from' | 'to'>,
  deps: VerifyDeps,
): Promise<Verification> {
  // Segments first: records that are written meanwhile lie beyond their ends, and are checked with the later segments.
  const chains = await readChains(tenantId, deps);
  const faults: Fault[] = [...chains.faults];
  const slots = new Map<string, Slot>();
  for (const segment of chains.segments) {
    if (touches(segment, span)) slots.set(segmentKey(segment), createSlot(segment));
  }
  /** The last number that was found of each chain; infinite for a chain that continues after the span. */
  const lastFound = new Map<string, number>();
  for (const { chain } of [...slots.values()].map(({ segment }) => segment)) {
    lastFound.set(chain, slots.has(chains.lastOf(chain)) ? -1 : Infinity);
  }
  const whole = span.from === undefined && span.to === undefined;
  const strays: { readonly place: Place; readonly record: AuditRecord }[] = [];
  let verified = 0;

  let lastKey: string | undefined;
  const check = async (row: TrailRow) => {
    const judged = await judgeRow(tenantId, row, deps, row.key === lastKey);
    lastKey = row.key;
    const place = judged.place;
    const key = place && segmentKey({ chain: place.chain, number: Math.floor(place.seq / SEGMENT_LENGTH) });
    const slot = key === undefined ? undefined : slots.get(key);
    if (place && slot?.isKnown(place.seq)) {
      lastFound.set(place.chain, Math.max(place.seq, lastFound.get(place.chain) ?? -1));
    }
    if ('fault' in judged) {
      if (whole || slot) faults.push(judged.fault);
      if (place) slot?.occupy(place.seq);
    } else if (slot?.isKnown(judged.place.seq)) {
      verified += 1;
      slot.put(judged.record);
      if (slot.isComplete()) faults.push(...slot.judge(Infinity));
    } else if ((slot || !chains.has(judged.place)) && strays.length < MAX_STRAYS) {
      strays.push(judged);
    }
  };

  if (whole || slots.size > 0) {
    const range = whole ? {} : rangeOf([...slots.values()]);
    let after: string | undefined;
    do {
      deps.signal.throwIfAborted();
      const page = await deps.store.records(tenantId, range, VERIFY_PAGE_ROWS, after);
      for (const row of page.rows) await check(row);
      after = page.after;
    } while (after !== undefined);
  }
  for (const slot of slots.values()) {
    if (!slot.isComplete()) faults.push(...slot.judge(lastFound.get(slot.segment.chain) ?? -1));
  }
  for (const { place, record } of strays) {
    const fault = await judgeStray(tenantId, place, record, deps);
    if (fault) faults.push(fault);
  }

  const segments = [...slots.values()].filter(({ segment }) => segment.count > 0).length;
  const first = firstOf(faults);
  if (!first) return { verified, segments };
  return { verified, segments, firstBad: { id: first.id, at: first.at, reason: first.reason } };
}

type Judged =
  | { readonly place: Place; readonly record: AuditRecord }
  | { readonly place: Place | undefined; readonly fault: Fault };

/**
 * Checks one row alone. A fault has the place of the row, because the content of the row is not trustworthy. `isTaken`: the row
 * before it has the same key, as it does when someone copied a block.
 */
async function judgeRow(
  tenantId: string,
  row: TrailRow,
  { store, digest }: VerifyDeps,
  isTaken: boolean,
): Promise<Judged> {
  const place = placeOf(row.key);
  const record = recordOf(row, tenantId);
  const bad = (reason: Tampering): Judged => {
    const { at, seq } = place ?? record ?? { at: new Date(0).toISOString(), seq: 0 };
    const id = place ? recordId(place.chain, place.seq) : (record?.id ?? row.key);
    return { place, fault: { id, at, seq, reason } };
  };
  if (!record || !isIntact(record, digest)) return bad('edited');
  const ownKey = recordKey(record);
  if (!place || ownKey !== row.key) {
    const own = await store.find(tenantId, ownKey);
    return bad(own && recordOf(own, tenantId)?.hash === record.hash ? 'doubled' : 'swapped');
  }
  if (isTaken) return bad('doubled');
  const { labels = record } = row;
  const { actor, action, resource } = labels;
  const labelled = actor === record.actor && action === record.action && resource === record.resource;
  return labelled ? { place, record } : bad('edited');
}

/** Checks a record beyond the end of its segment: either it was written since, or someone added it outside of the chain. */
async function judgeStray(
  tenantId: string,
  { chain, seq }: Place,
  { id, at }: AuditRecord,
  { store, digest }: VerifyDeps,
): Promise<Fault | undefined> {
  const number = Math.floor(seq / SEGMENT_LENGTH);
  const row = await store.find(tenantId, segmentKey({ chain, number }));
  if (!row) return { id, at, seq, reason: 'truncated' };
  const segment = segmentOf(row);
  const known = segment && isIntact(segment, digest) && seq < number * SEGMENT_LENGTH + segment.count;
  return known ? undefined : { id, at, seq, reason: 'edited' };
}

const touches = (
  { firstAt, lastAt }: Chains['segments'][number],
  { from, to }: Pick<TrailQuery, 'from' | 'to'>,
): boolean =>
  (from === undefined || lastAt >= from.toISOString()) && (to === undefined || firstAt <= to.toISOString());

function rangeOf(slots: readonly Slot[]): TrailQuery {
  const from = slots.map(({ segment }) => segment.firstAt).sort()[0] ?? '';
  const to =
    slots
      .map(({ segment }) => segment.lastAt)
      .sort()
      .at(-1) ?? '';
  return { from: new Date(from), to: new Date(to) };
}
