import { type Clock, CLOCK_TOLERANCE_MS } from '../base/clock.ts';
import { type IdSource, randomId } from '../base/ids.ts';
import type { OpenTable } from '../tables/tables.ts';
import { openStateRows, type StateRow, type StateRows } from './azureTableStateRows.ts';
import { withinBounds } from './stateBounds.ts';
import { type Claim, fenceMemoryMs, type Renewal, type StateStore } from './stateStore.ts';

const isLive = (row: StateRow | undefined, now: number): row is StateRow =>
  row !== undefined && row.expiresAtMs > now;

const untilExpiry = (value: string, expiresAtMs: number) => ({
  value,
  expiresAtMs,
  keepUntilMs: expiresAtMs + CLOCK_TOLERANCE_MS,
});

/**
 * State on one Azure table, `state`, with a row for each key. An expired value is absent at once. A timer calls `purge`, which
 * removes at most 1,000 rows that expired by `now` and returns their number. A lease that was not released can be claimed
 * `CLOCK_TOLERANCE_MS` after its end. A change is a read, and a write with the ETag. Increments that wait in one instance share
 * them.
 */
export function azureTableStateStore(
  open: OpenTable,
  clock: Clock,
  newId: IdSource = randomId,
): { state: StateStore; purge(now: Date): Promise<number> } {
  const rows = openStateRows(open, clock, newId);
  const increment = sharedIncrement(rows);

  /** Renews a lease, or releases it where `ttlMs` is 0. */
  const extend = ({ key, fence }: { key: string; fence: number }, ttlMs: number): Promise<Renewal> =>
    rows.change<Renewal>({ kind: 'lease', key }, (row, now) => {
      if (!isLive(row, now) || row.value !== String(fence)) return { answer: { status: 'lost' } };
      const expiresAtMs = ttlMs === 0 ? 0 : now + ttlMs;
      return {
        answer: { status: 'renewed', lease: { key, fence, expiresAt: new Date(expiresAtMs) } },
        write: { value: row.value, expiresAtMs, keepUntilMs: now + ttlMs + fenceMemoryMs },
      };
    });

  const state: StateStore = {
    get: async (key) => {
      const row = await rows.get({ kind: 'value', key });
      return isLive(row, clock.now().getTime()) ? row.value : undefined;
    },
    set: (key, value, ttlMs) =>
      rows.change({ kind: 'value', key }, (_, now) => ({
        answer: undefined,
        write: untilExpiry(value, now + ttlMs),
      })),
    delete: (key) =>
      rows.change<'deleted' | 'absent'>({ kind: 'value', key }, (row, now) =>
        isLive(row, now) ? { answer: 'deleted', write: 'no row' } : { answer: 'absent' },
      ),
    compareAndSet: (key, expected, value, ttlMs) =>
      rows.change<'stored' | 'conflict'>({ kind: 'value', key }, (row, now) =>
        (isLive(row, now) ? row.value : undefined) === expected
          ? { answer: 'stored', write: untilExpiry(value, now + ttlMs) }
          : { answer: 'conflict' },
      ),
    increment,
    claim: (key, ttlMs) =>
      rows.change<Claim>({ kind: 'lease', key }, (row, now) => {
        const heldMs = row === undefined ? 0 : row.expiresAtMs + CLOCK_TOLERANCE_MS - now;
        if (heldMs > 0) return { answer: { status: 'held', retryAfterMs: heldMs } };
        const fence = Math.max(Number(row?.value ?? 0) + 1, now * 1_000);
        const expiresAtMs = now + ttlMs;
        return {
          answer: { status: 'claimed', lease: { key, fence, expiresAt: new Date(expiresAtMs) } },
          write: { value: String(fence), expiresAtMs, keepUntilMs: expiresAtMs + fenceMemoryMs },
        };
      }),
    renew: (lease, ttlMs) => extend(lease, ttlMs),
    release: async (lease) => ((await extend(lease, 0)).status === 'renewed' ? 'released' : 'lost'),
  };
  return { state: withinBounds(state), purge: (now) => rows.purge(now) };
}

/** Increments of one key and window that share a write. `before` is the count without them. */
interface Batch {
  sum: number;
  readonly written: Promise<{ readonly before: number; readonly remainingMs: number }>;
}

/** Joins concurrent increments of a counter: those that come during a write share the next write. */
function sharedIncrement(rows: StateRows): StateStore['increment'] {
  const open = new Map<string, Batch>();

  const begin = (key: string, windowMs: number, name: string): Batch => {
    const close = () => {
      if (open.get(name) === batch) open.delete(name);
    };
    const written = rows.change<Awaited<Batch['written']>>({ kind: 'counter', key }, (row, now) => {
      close();
      const [before, expiresAtMs] = isLive(row, now)
        ? [Number(row.value), row.expiresAtMs]
        : [0, now + windowMs];
      return {
        answer: { before, remainingMs: expiresAtMs - now },
        write: untilExpiry(String(before + batch.sum), expiresAtMs),
      };
    });
    const batch: Batch = { sum: 0, written: written.finally(close) };
    open.set(name, batch);
    return batch;
  };

  return async (key, by, windowMs) => {
    const name = `${windowMs} ${key}`;
    const batch = open.get(name) ?? begin(key, windowMs, name);
    batch.sum += by;
    const own = batch.sum;
    const { before, remainingMs } = await batch.written;
    return { count: before + own, remainingMs };
  };
}
