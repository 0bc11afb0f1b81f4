import { InfrastructureError } from '../../platform/base/errors.ts';
import { createDigest } from '../model/hashChain.ts';
import { type Journal, type JournalDeps, openJournal } from './journal.ts';
import { type Act, type ActOutcome, type AuditEvent, plainText } from '../model/record.ts';

/**
 * Who did what, on what, whether they might, and what came of it. Records are added and never changed; each holds the hash
 * of the one before it, so that `verifyTrail` finds what was changed in storage.
 */
export interface Audit {
  /**
   * Records an act without delaying it. It is stored in order, at the latest a second later; while the store is away it
   * waits in memory, of which the bound is 10,000 records a tenant: what comes then is lost, counted and logged. A process
   * that is killed loses what it has not stored yet.
   */
  append(event: AuditEvent): void;
  /**
   * Records a privileged act before it happens: when this resolves, the record is stored. What came of the act is a second
   * record, which names the first.
   * @throws InfrastructureError when it could not be stored: the act must not happen then.
   */
  writeAhead(act: Act): Promise<BegunAct>;
  /** Stores what waits, as far as the store lets it: to be called when the process ends. */
  flush(): Promise<void>;
}

export interface BegunAct {
  end(outcome: ActOutcome): void;
}

export interface AuditDeps extends Omit<JournalDeps, 'digest'> {
  /** Makes the hashes of those who do not have it worthless. Absent: plain SHA-256. */
  readonly key?: Uint8Array;
}

export function openAudit({ key, ...deps }: AuditDeps): Audit {
  const digest = createDigest(key);
  const journals = new Map<string, Journal>();
  const journalOf = (tenantId: string): Journal => {
    const open = journals.get(tenantId) ?? openJournal(tenantId, { ...deps, digest });
    journals.set(tenantId, open);
    return open;
  };

  const append = (event: AuditEvent): void => {
    journalOf(event.tenantId).push(bounded(event));
  };

  return {
    append,
    async writeAhead(act) {
      const begunAt = performance.now();
      const ending = (outcome: ActOutcome, begunBy?: string): AuditEvent => ({
        ...act,
        decision: 'allowed',
        outcome,
        durationMs: performance.now() - begunAt,
        ...(begunBy !== undefined && { begunBy }),
      });
      const begun = bounded({ ...act, decision: 'allowed', outcome: 'begun', durationMs: 0 });
      try {
        const id = await journalOf(act.tenantId).store(begun);
        return {
          end: (outcome) => {
            append(ending(outcome, id));
          },
        };
      } catch (error) {
        // The record may have been stored all the same: then this one says that nothing followed.
        append(ending('abandoned'));
        throw error instanceof InfrastructureError
          ? error
          : new InfrastructureError('tables', 'write audit record', error);
      }
    },
    async flush() {
      await Promise.all([...journals.values()].map((journal) => journal.flush()));
    },
  };
}

function bounded(event: AuditEvent): AuditEvent {
  return {
    ...event,
    actor: plainText(event.actor),
    action: plainText(event.action),
    resource: plainText(event.resource),
    durationMs: Math.max(0, Math.round(event.durationMs)),
  };
}
