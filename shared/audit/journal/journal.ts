import type { Clock } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { BLOCK_SPAN_MS, FLUSH_AFTER_MS, MAX_BATCH, MAX_WAITING } from '../limits.ts';
import { beginChain, type Digest, type Entry, extend, type Extension } from '../model/hashChain.ts';
import { type AuditEvent, type Segment, SEGMENT_LENGTH } from '../model/record.ts';
import { recordOf, type TrailStore } from '../model/trailStore.ts';

export interface JournalDeps {
  readonly store: TrailStore;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
}

/**
 * The records that one instance writes for one tenant, in order. They are a chain of their own, so that instances never wait for
 * each other.
 */
export interface Journal {
  /** Accepts an event at once and stores it within about a second. */
  push(event: AuditEvent): void;
  /**
   * Resolves with the id of the record once it is stored. @throws InfrastructureError when it was not stored, or when that is
   * unknown.
   */
  store(event: AuditEvent): Promise<string>;
  /** Tries to store all waiting events. Resolves when they are stored, or when the store is unavailable. */
  flush(): Promise<void>;
}

interface Waiting extends Entry {
  readonly stored?: PromiseWithResolvers<string>;
}
interface Batch {
  readonly entries: readonly Waiting[];
  readonly extension: Extension;
}

/**
 * Opens the journal of a tenant. Waiting events become a batch that is linked to the end of the chain. A batch is retried
 * unchanged until it is stored, because an attempt without an answer may have succeeded. If its records exist already, the
 * attempt succeeded. If other records are in their place, another process wrote the end of the chain, and a new chain begins.
 */
export function openJournal(tenantId: string, deps: JournalDeps): Journal {
  const { store, digest, clock, newId, log } = deps;
  let waiting: Waiting[] = [];
  let batch: Batch | undefined;
  let end: Segment = newChain();
  let lost = 0;
  /** How many of the waiting events are stored without waiting for a full batch. */
  let due = 0;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function newChain(): Segment {
    return beginChain(tenantId, newId(), clock.now().toISOString(), digest);
  }

  function take(event: AuditEvent, stored?: PromiseWithResolvers<string>): boolean {
    if (waiting.length >= MAX_WAITING) {
      if (lost++ === 0) log.error('audit_records_dropped', { tenantId, waiting: waiting.length });
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

  /** Events that arrive meanwhile wait until they fill a batch or are due: a batch costs about as much as all its records. */
  async function writeDue(): Promise<void> {
    try {
      while (batch || due > 0 || waiting.length >= MAX_BATCH) {
        batch ??= nextBatch();
        await write(batch);
        noteLosses();
      }
      if (waiting.length > 0) flushSoon();
    } catch (error) {
      log.warn('audit_write_failed', { tenantId, waiting: waiting.length + (batch?.entries.length ?? 0) });
      refuseWaiters(error);
      flushSoon();
    } finally {
      running = undefined;
    }
  }

  /** Takes the events that fit into the segment and into a block. After an outage, events may be too far apart for one. */
  function nextBatch(): Batch {
    const [first] = waiting;
    const until = first && new Date(Date.parse(first.at) + BLOCK_SPAN_MS).toISOString();
    const most = Math.min(MAX_BATCH, SEGMENT_LENGTH - end.count);
    const later = waiting.findIndex(({ at }, index) => index === most || at > (until ?? ''));
    const entries = waiting.splice(0, later === -1 ? most : later);
    due = Math.max(0, due - entries.length);
    return { entries, extension: extend(end, entries, digest) };
  }

  async function write({ entries, extension }: Batch): Promise<void> {
    const { records, segments } = extension;
    const last = records.at(-1);
    if ((await store.commit(records, segments)) === 'exists') {
      const found = last && (await store.find(tenantId, last.key));
      if (!found || recordOf(found, tenantId)?.hash !== last.hash) {
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

  /**
   * Rejects acts that wait for their record, so that they do not happen. Their records are dropped if no attempt to store them
   * was made.
   */
  function refuseWaiters(error: unknown): void {
    for (const { stored } of [...(batch?.entries ?? []), ...waiting]) stored?.reject(error);
    waiting = waiting.filter(({ stored }) => stored === undefined);
  }

  function noteLosses(): void {
    if (lost === 0) return;
    const count = lost;
    lost = 0;
    log.error('audit_records_dropped', { tenantId, lost: count });
    // Past the bound: that something was lost must not be lost itself.
    waiting.push({ at: clock.now().toISOString(), event: lossOf(tenantId, count) });
  }

  return {
    push(event) {
      if (!take(event)) return;
      // A running write also stores the events that wait. While the store is unavailable, only the timer retries.
      if (waiting.length >= MAX_BATCH && batch === undefined) running ??= writeDue();
      else flushSoon();
    },
    async store(event) {
      const stored = Promise.withResolvers<string>();
      if (!take(event, stored)) {
        throw new InfrastructureError(
          'tables',
          'write audit record',
          new Error('too many records are waiting'),
        );
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
