import { VERIFY_PAGE_ROWS } from '../limits.ts';
import { type Digest, genesis, isIntact } from '../model/hashChain.ts';
import { recordId, type Segment, SEGMENT_LENGTH } from '../model/record.ts';
import { type Place, segmentKey, segmentOf, type TrailStore } from '../model/trailStore.ts';
import type { Fault, Tampering } from './tampering.ts';

/** The intact segments of a tenant, and the faults in their order. */
export interface Chains {
  readonly segments: readonly Segment[];
  readonly faults: readonly Fault[];
  /** The key of a chain's last segment. */
  lastOf(chain: string): string;
  /** Returns whether the segment of this place exists, intact or not. */
  has(place: Place): boolean;
}

export async function readChains(
  tenantId: string,
  { store, digest, signal }: { store: TrailStore; digest: Digest; signal: AbortSignal },
): Promise<Chains> {
  const segments: Segment[] = [];
  const broken = new Set<string>();
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await store.segments(tenantId, VERIFY_PAGE_ROWS, after);
    for (const row of page.rows) {
      const segment = segmentOf(row);
      const isSound = segment && segmentKey(segment) === row.key && segment.tenantId === tenantId;
      if (isSound && isIntact(segment, digest)) segments.push(segment);
      else broken.add(row.key);
    }
    after = page.after;
  } while (after !== undefined);

  const chains = Map.groupBy(segments, ({ chain }) => chain);
  const faults = [...chains.values()].flatMap((chain) => faultsOf(tenantId, chain, broken, digest));
  // No intact segment of the chain gives a time.
  for (const key of broken) {
    const [, chain = '', number = ''] = /^s(\w+)-(\d{8})$/.exec(key) ?? [];
    if (chains.has(chain)) continue;
    const seq = Number(number) * SEGMENT_LENGTH;
    faults.push({ id: recordId(chain, seq), at: new Date().toISOString(), seq, reason: 'edited' });
  }
  const lastKeys = new Map(segments.map((segment) => [segment.chain, segmentKey(segment)]));
  const known = new Set([...segments.map(segmentKey), ...broken]);
  return {
    segments,
    faults,
    lastOf: (chain) => lastKeys.get(chain) ?? '',
    has: ({ chain, seq }) => known.has(segmentKey({ chain, number: Math.floor(seq / SEGMENT_LENGTH) })),
  };
}

const endOf = ({ number, count }: Segment): number => number * SEGMENT_LENGTH + count;

/**
 * Returns the faults of one chain. Its segments must be numbered from 0, begin where the previous one ended, and be full but for
 * the last.
 */
function faultsOf(
  tenantId: string,
  chain: readonly Segment[],
  broken: ReadonlySet<string>,
  digest: Digest,
): Fault[] {
  const faults: Fault[] = [];
  let at = chain[0]?.firstAt ?? '';
  const fault = (name: string, seq: number, reason: Tampering) => {
    faults.push({ id: recordId(name, seq), at, seq, reason });
  };
  let before: Segment | undefined;
  for (const segment of chain) {
    const expected = before === undefined ? 0 : before.number + 1;
    const first = segment.number * SEGMENT_LENGTH;
    if (segment.number !== expected) {
      const missing = segmentKey({ chain: segment.chain, number: expected });
      fault(segment.chain, expected * SEGMENT_LENGTH, broken.has(missing) ? 'edited' : 'deleted');
    } else {
      const start = before === undefined ? genesis(tenantId, segment.chain, digest) : before.head;
      // Both are intact, so someone wrote the earlier one again.
      if (segment.start !== start) fault(segment.chain, Math.max(first - 1, 0), 'edited');
      // A segment begins only when the one before it is full.
      if (before && before.count < SEGMENT_LENGTH) fault(segment.chain, endOf(before), 'deleted');
    }
    at = segment.lastAt;
    before = segment;
  }
  if (before?.count === SEGMENT_LENGTH) {
    const next = segmentKey({ chain: before.chain, number: before.number + 1 });
    fault(before.chain, endOf(before), broken.has(next) ? 'edited' : 'truncated');
  }
  return faults;
}
