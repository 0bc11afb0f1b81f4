import { InfrastructureError } from '../../platform/base/errors.ts';
import { createDigest } from '../model/hashChain.ts';
import { type Act, type ActOutcome, type AuditEvent, plainText } from '../model/record.ts';
import { type Journal, type JournalDeps, openJournal } from './journal.ts';

/**
 * The audit trail: who did what to what, with the decision and the outcome. Records are added and never changed. Each holds the
 * hash of the record before it, so that `verifyTrail` detects changes in storage.
 */
export interface Audit {
  /**
   * Records an act without delaying it. Records are stored in order, a second later at the latest. While the store is unavailable,
   * up to 10,000 records per tenant wait in memory; further ones are lost, counted and logged. A killed process loses the records
   * that it has not stored yet.
   */
  append(event: AuditEvent): void;
  /**
   * Records a privileged act before it happens: when this resolves, the record is stored. The outcome is a second record, which
   * names the first.
   * @throws InfrastructureError when the record could not be stored: the act must not happen then.
   */
  writeAhead(act: Act): Promise<BegunAct>;
  /** Stores the waiting records if the store is available. Call it when the process ends. */
  flush(): Promise<void>;
}

export interface BegunAct {
  end(outcome: ActOutcome): void;
}

export interface AuditDeps extends Omit<JournalDeps, 'digest'> {
  /** The key of the hashes: nobody without it can forge them. Absent: plain SHA-256. */
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
        // The record may have been stored nevertheless: this one says that the act did not follow.
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

/** Bounds the texts of an event. JSON leaves out an absent name, so neither the stored record nor its hash has it. */
function bounded(event: AuditEvent): AuditEvent {
  const { actorName, resourceName } = event;
  return {
    ...event,
    ...(actorName !== undefined && { actorName: plainText(actorName) }),
    ...(resourceName !== undefined && { resourceName: plainText(resourceName) }),
    actor: plainText(event.actor),
    action: plainText(event.action),
    resource: plainText(event.resource),
    durationMs: Math.max(0, Math.round(event.durationMs)),
  };
}
