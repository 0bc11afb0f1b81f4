import type { Clock } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { type Digest, type Entry, type Extension, beginChain, extend } from '../model/hashChain.ts';
import { type AuditEvent, type Segment, SEGMENT_LENGTH } from '../model/record.ts';
import { MAX_COMMIT, type TrailStore, recordKey, recordOf } from '../model/trailStore.ts';

export interface JournalDeps {
  readonly store: TrailStore;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
}

/** What one instance writes for one tenant, in order: a chain of its own, so that instances never wait for each other. */
export interface Journal {
  /** Takes an event at once; it is stored within about a second. */
  push(event: AuditEvent): void;
  /** Resolves with the id of the record once it is stored. @throws InfrastructureError when it was not, or not known to be. */
  store(event: AuditEvent): Promise<string>;
  /** Tries to store all that waits. Resolves when it is, or when the store is away. */
  flush(): Promise<void>;
}

/** Events that wait for one tenant while the store is away: some 5 MB. */
export const MAX_WAITING = 10_000;
const FLUSH_AFTER_MS = 1_000;
/** A transaction holds the segment too, and the next one when this one gets full. */
const BATCH = MAX_COMMIT - 2;

interface Waiting extends Entry {
  readonly stored?: PromiseWithResolvers<string>;
}
interface Batch {
  readonly entries: readonly Waiting[];
  readonly extension: Extension;
}

/**
 * Waiting events become a batch, linked to the chain's end; a batch is tried again unchanged until it is stored, since an
 * attempt without an answer may have succeeded. Its records being there already then means success; if what is there is not
 * ours, the chain's end has been written by someone else, and a new chain begins.
 */
export function openJournal(tenantId: string, deps: JournalDeps): Journal {
  const { store, digest, clock, newId, log } = deps;
  let waiting: Waiting[] = [];
  let batch: Batch | undefined;
  let end: Segment = newChain();
  let lost = 0;
  /** How many of those that wait are to be stored without waiting for a full batch. */
  let due = 0;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function newChain(): Segment {
    return beginChain(tenantId, newId(), clock.now().toISOString(), digest);
  }

  function take(event: AuditEvent, stored?: PromiseWithResolvers<string>): boolean {
    if (waiting.length >= MAX_WAITING) {
      if (lost++ === 0) log.error('audit_overflow', { tenantId, waiting: waiting.length });
      return false;
    }
    waiting.push({ at: clock.now().toISOString(), event, ...(stored && { stored }) });
    return true;
  }

  function flushSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void flush();
    }, FLUSH_AFTER_MS).unref();
  }

  function flush(): Promise<void> {
    due = waiting.length;
    if (!batch && due === 0) return Promise.resolve();
    return (running ??= writeDue());
  }

  /** What comes meanwhile waits until it fills a batch or is due: a batch costs about as much as all its records. */
  async function writeDue(): Promise<void> {
    try {
      while (batch || due > 0 || waiting.length >= BATCH) {
        batch ??= nextBatch();
        await write(batch);
        noteLosses();
      }
      if (waiting.length > 0) flushSoon();
    } catch (error) {
      log.warn('audit_delayed', { tenantId, waiting: waiting.length + (batch?.entries.length ?? 0) });
      refuseWaiters(error);
      flushSoon();
    } finally {
      running = undefined;
    }
  }

  function nextBatch(): Batch {
    const entries = waiting.splice(0, Math.min(BATCH, SEGMENT_LENGTH - end.count));
    due = Math.max(0, due - entries.length);
    return { entries, extension: extend(end, entries, digest) };
  }

  async function write({ entries, extension }: Batch): Promise<void> {
    const { records, segments } = extension;
    const last = records.at(-1);
    if ((await store.commit(records, segments)) === 'exists') {
      const found = last && (await store.find(tenantId, recordKey(last)));
      if (!found || recordOf(found)?.hash !== last.hash) {
        log.error('audit_chain_replaced', { tenantId, chain: end.chain });
        end = newChain();
        batch = { entries, extension: extend(end, entries, digest) };
        return;
      }
    }
    batch = undefined;
    end = segments.at(-1) ?? end;
    entries.forEach(({ stored }, index) => stored?.resolve(records[index]?.id ?? ''));
  }

  /** An act that waits for its record does not happen now. Records that no attempt was made for are dropped with it. */
  function refuseWaiters(error: unknown): void {
    for (const { stored } of [...(batch?.entries ?? []), ...waiting]) stored?.reject(error);
    waiting = waiting.filter(({ stored }) => stored === undefined);
  }

  function noteLosses(): void {
    if (lost === 0) return;
    const count = lost;
    lost = 0;
    log.error('audit_overflow', { tenantId, lost: count });
    // Past the bound: that something was lost must not be lost itself.
    waiting.push({ at: clock.now().toISOString(), event: lossOf(tenantId, count) });
  }

  return {
    push(event) {
      if (!take(event)) return;
      // While a batch is on its way what waits follows it; while the store is away the timer alone tries again.
      if (waiting.length >= BATCH && batch === undefined) running ??= writeDue();
      else flushSoon();
    },
    async store(event) {
      const stored = Promise.withResolvers<string>();
      if (!take(event, stored)) {
        throw new InfrastructureError('tables', 'write audit record', new Error('too many records wait'));
      }
      void flush();
      return stored.promise;
    },
    flush,
  };
}

const lossOf = (tenantId: string, count: number): AuditEvent => ({
  tenantId,
  actor: 'unknown',
  action: 'audit.overflow',
  resource: 'audit',
  decision: 'allowed',
  outcome: 'unavailable',
  durationMs: 0,
  traceId: '',
  count,
});
