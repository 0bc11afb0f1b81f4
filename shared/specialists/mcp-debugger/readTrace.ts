import type { AuditRecord } from '../../audit/model/record.ts';
import type { Session } from '../../identity/sessions/sessionStore.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import type { Plan } from '../../orchestration/model/plan.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { Result } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { withinTime } from '../withTimeout.ts';
import { type ReadRecords, readRecords } from '../readRecords.ts';

/** What one request, or one session, has set off. */
export interface Subject {
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** All that the stores hold of a subject. */
export interface Gathered {
  readonly delegations: readonly Delegation[];
  readonly plans: readonly Plan[];
  readonly records: readonly AuditRecord[];
  /** Sessions that the work was done for; `undefined` for one that has ended or belongs to another tenant. */
  readonly sessions: ReadonlyMap<string, Session | undefined>;
  /** Parts that could not be read, each with why. */
  readonly unread: readonly { readonly part: string; readonly why: string }[];
  /** The search of the audit trail ended here. */
  readonly cutAt?: string;
}

type GatherDeps = Pick<SpecialistDeps, 'delegations' | 'plans' | 'trail' | 'sessions'>;

const WITHIN_MS = 8_000;
const PAGE = 100;
const MAX_ROWS = 500;
const MAX_RECORDS = 500;
const MAX_SESSIONS = 10;

/** Reads delegations, plans, sessions and audit records of a trace or a session. A store that does not answer is one of `unread`. */
export async function gatherTrace(
  subject: Subject,
  from: Date,
  deps: GatherDeps,
  { tenantId, signal }: { readonly tenantId: string; readonly signal: AbortSignal },
): Promise<Gathered> {
  const unread: { part: string; why: string }[] = [];
  const read = async <T>(part: string, otherwise: T, look: (own: AbortSignal) => Promise<T>): Promise<T> => {
    const found: Result<T> = await withinTime(WITHIN_MS, signal, look);
    if (found.ok) return found.value;
    unread.push({ part, why: found.error.message });
    return otherwise;
  };
  const [delegations, plans] = await Promise.all([
    read<readonly Delegation[]>('delegations', [], (own) =>
      all((after) => deps.delegations.list(tenantId, subject, PAGE, after), own),
    ),
    read<readonly Plan[]>('plans', [], (own) =>
      all((after) => deps.plans.list(tenantId, subject, PAGE, after), own),
    ),
  ]);
  const traces = new Set(
    [...delegations, ...plans].map(({ traceparent }) => continueTrace(traceparent).traceId),
  );
  if (subject.traceId !== undefined) traces.add(subject.traceId);
  const ids = new Set(
    [subject.sessionId, ...delegations.map(({ sessionId }) => sessionId)].filter((id) => id !== undefined),
  );
  const [records, sessions] = await Promise.all([
    read<ReadRecords>('audit', { records: [], read: 0 }, (own) =>
      traces.size === 0
        ? Promise.resolve({ records: [], read: 0 })
        : readRecords(
            deps.trail,
            tenantId,
            { from },
            { limit: MAX_RECORDS, signal: own, wanted: ({ traceId }) => traces.has(traceId) },
          ),
    ),
    read<[string, Session | undefined][]>('sessions', [], () =>
      Promise.all(
        [...ids]
          .slice(0, MAX_SESSIONS)
          .map(async (id): Promise<[string, Session | undefined]> => [
            id,
            await deps.sessions.find(tenantId, id),
          ]),
      ),
    ),
  ]);
  const { cutAt } = records;
  return {
    delegations,
    plans,
    records: records.records,
    sessions: new Map(sessions),
    unread,
    ...(cutAt !== undefined && { cutAt }),
  };
}

async function all<T>(
  page: (after: string | undefined) => Promise<Page<T>>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const found: T[] = [];
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const next = await page(after);
    found.push(...next.items);
    after = next.after;
  } while (after !== undefined && found.length < MAX_ROWS);
  return found;
}
