import type { AuditRecord } from '../../audit/model/record.ts';
import type { Session } from '../../identity/sessions/sessionStore.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import type { Plan } from '../../orchestration/model/plan.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Page } from '../../platform/tables/tables.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type ReadRecords, readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';

/** A trace or a session whose work is read. */
export interface TraceSubject {
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Everything that the stores hold about a subject. */
export interface TraceContent {
  readonly delegations: readonly Delegation[];
  readonly plans: readonly Plan[];
  readonly records: readonly AuditRecord[];
  /** The sessions of the work; `undefined` for one that has ended or belongs to another tenant. */
  readonly sessions: ReadonlyMap<string, Session | undefined>;
  /** Parts that could not be read, each with the reason. */
  readonly unread: readonly { readonly part: string; readonly why: string }[];
  /** The time at which the search of the audit trail stopped, if it did not reach its start. */
  readonly cutAt?: string;
}

type TraceDeps = Pick<SpecialistDeps, 'delegations' | 'plans' | 'trail' | 'sessions'>;

const WITHIN_MS = 8_000;
const PAGE = 100;
const MAX_ROWS = 500;
const MAX_RECORDS = 500;
const MAX_SESSIONS = 10;

/**
 * Reads delegations, plans, sessions and audit records of a trace or a session. A store that does not answer is listed in
 * `unread`.
 */
export async function readTrace(
  subject: TraceSubject,
  from: Date,
  deps: TraceDeps,
  { tenantId, signal }: { readonly tenantId: string; readonly signal: AbortSignal },
): Promise<TraceContent> {
  const unread: { part: string; why: string }[] = [];
  const read = async <T>(part: string, otherwise: T, act: (own: AbortSignal) => Promise<T>): Promise<T> => {
    const found: Result<T> = await withTimeout(WITHIN_MS, signal, act);
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
