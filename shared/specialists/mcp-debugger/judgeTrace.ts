import { type AuditRecord, isAccessRefusal } from '../../audit/model/record.ts';
import { agents } from '../../orchestration/model/agents.ts';
import { type Delegation, isLeased } from '../../orchestration/model/delegation.ts';
import { hasEnded, type Plan, type PlanStep } from '../../orchestration/model/plan.ts';
import { defineFindings, type Finding, type Severity } from '../finding.ts';
import type { TraceContent } from './readTrace.ts';

/** If no agent takes a message for this long, the agent is busy or does not run. */
const NOT_TAKEN_MS = 10_000;
/** An act of a request ends with the request, and no request lasts longer than this. */
const ACT_WITHIN_MS = 120_000;
/** Outcomes of audit records that are no fault of the system. */
const fine: ReadonlySet<string> = new Set(['succeeded', 'begun', 'abandoned', 'cancelled', 'not_passed']);

interface DelegationFacts {
  readonly row: Delegation;
}
const evidenceOf = ({ id, agent, task, state, attempts }: Delegation) => ({
  delegation: id,
  agent,
  app: agents[agent],
  task,
  state,
  attempts,
});
const recordEvidence = ({ id, action, resource, outcome, at }: AuditRecord) => ({
  record: id,
  action,
  resource,
  outcome,
  at,
});

const finding = defineFindings({
  // Without the error's message: it may quote a result that takes another permission.
  delegation_failed: ({ row, kind }: DelegationFacts & { readonly kind: string }) => ({
    severity: kind === 'cancelled' ? 'info' : 'critical',
    message: `it ended at ${row.task} of ${row.agent}: ${kind}`,
    evidence: evidenceOf(row),
    remedy:
      kind === 'timeout'
        ? `Find what ${row.task} waited for: the log of the ${agents[row.agent]} app has it under this trace.`
        : `Read the error at GET /delegations/${row.id}, correct what it names and ask for the work again.`,
  }),
  delegation_not_taken: ({ row, waitedMs }: DelegationFacts & { readonly waitedMs: number }) => ({
    severity: 'critical',
    message: `it hangs: ${row.task} has waited ${Math.round(waitedMs / 1000)} s for ${row.agent}, which has not taken its message`,
    evidence: { ...evidenceOf(row), waitedMs },
    remedy: `Check that the ${agents[row.agent]} app runs and receives from the queue ${row.agent}, and read its dead letters. GET /agents says how much waits. The sweeper re-sends the message.`,
  }),
  delegation_abandoned: ({ row }: DelegationFacts) => ({
    severity: 'critical',
    message: `it hangs: ${row.agent} took ${row.task} and died, since its lease ended without an outcome`,
    evidence: { ...evidenceOf(row), leaseUntil: row.leaseUntil },
    remedy: `Find out why an instance of the ${agents[row.agent]} app ended (memory, a deployment). The sweeper gives the work to another instance.`,
  }),
  delegation_running: ({ row }: DelegationFacts) => ({
    severity: 'info',
    message: `${row.agent} has been running ${row.task} since ${row.startedAt ?? row.sentAt}`,
    evidence: { ...evidenceOf(row), leaseUntil: row.leaseUntil },
    remedy: 'Wait until its lease ends, or cancel it.',
  }),
  delegation_repeated: ({ row }: DelegationFacts) => ({
    severity: 'warning',
    message: `${row.task} of ${row.agent} was started ${row.attempts} times: it met faults of the system`,
    evidence: evidenceOf(row),
    remedy: `Search the log of the ${agents[row.agent]} app for delegation_failed under this trace.`,
  }),
  plan_failed: ({ plan: { id, name, state }, step }: { plan: Plan; step: PlanStep }) => ({
    severity: 'critical',
    message: `the plan ${name} failed at ${step.id} of ${step.agent}: ${step.error?.kind ?? 'unknown'}`,
    evidence: { plan: id, name, state, step: step.id, kind: step.error?.kind },
    remedy: `Read the error at GET /plans/${id}, correct what it names and start the plan again. The steps that had succeeded are compensated.`,
  }),
  plan_stuck: ({ plan: { id, name, state, updatedAt, steps } }: { plan: Plan }) => ({
    severity: 'critical',
    message: `the plan ${name} hangs: it has not ended, and none of its steps is queued`,
    evidence: {
      plan: id,
      name,
      state,
      updatedAt,
      waiting: steps.filter((step) => step.state === 'waiting').length,
    },
    remedy: 'The sweeper of the management app resumes it within half a minute: check that this app runs.',
  }),
  request_refused: ({ record }: { record: AuditRecord }) => ({
    severity: 'critical',
    message: `it ended with a refusal: ${record.action} on ${record.resource}, ${record.outcome}`,
    evidence: recordEvidence(record),
    remedy: 'Run the task authentication_failures with this trace: it names the rule and what to do.',
  }),
  request_mistaken: ({ record }: { record: AuditRecord }) => ({
    severity: 'warning',
    message: `its ${record.action} named something that does not exist, or contradicted itself: ${record.resource}, ${record.outcome}`,
    evidence: recordEvidence(record),
    remedy:
      'Read the lists of the endpoint again, and send the name as it is there. No permission is missing.',
  }),
  act_not_ended: ({ record }: { record: AuditRecord }) => ({
    severity: 'critical',
    message: `it was lost: ${record.action} on ${record.resource} began, and no audit record says how it ended`,
    evidence: recordEvidence(record),
    remedy: 'The app stopped before the act ended: check whether the act was done, and repeat it if not.',
  }),
  call_failed: ({ record }: { record: AuditRecord }) => {
    const { action, resource, outcome, durationMs } = record;
    const isOfServer = outcome === 'tool_error' || outcome === 'rpc_error';
    return {
      severity: isOfServer ? 'warning' : 'critical',
      message: `it ended at ${action} on ${resource}: ${outcome}, after ${durationMs} ms`,
      evidence: { ...recordEvidence(record), durationMs },
      remedy: isOfServer
        ? 'The server itself returned this error: check the arguments of the call.'
        : 'The server or the part that the resource names could not be used: check it.',
    };
  },
  session_ended: ({ session, severity }: { session: string; severity: Severity }) => ({
    severity,
    message: 'the session of the work has ended, or was never one of this tenant',
    evidence: { session },
    remedy: 'Open a new session for work on behalf of a user.',
  }),
  part_unread: ({ part, why }: { part: string; why: string }) => ({
    severity: 'warning',
    message: `${part} could not be read: ${why}`,
    evidence: { part },
    remedy: 'Check the stores with the task database_connection_issues, then ask again.',
  }),
  search_cut: ({ readBackTo }: { readBackTo: string }) => ({
    severity: 'info',
    message: `the search did not reach the start of the time span, since there are too many audit records: it stopped at ${readBackTo}`,
    remedy: 'Ask for a shorter time span.',
  }),
});

/** Returns the finding for a search of the audit trail that stopped at `cutAt`; nothing if it reached its start. */
export const searchCut = (cutAt: string | undefined): readonly Finding[] =>
  cutAt === undefined ? [] : [finding('search_cut', { readBackTo: cutAt })];

/** Says where a trace failed, hangs or was lost. `own` is the id of the delegation that asks: it is part of the trace, too. */
export function judgeTrace(trace: TraceContent, now: Date, own: string): readonly Finding[] {
  const { delegations, plans, records, unread, cutAt } = trace;
  return [
    ...delegations.filter(({ id }) => id !== own).flatMap((row) => judgeDelegation(row, now)),
    ...plans.flatMap((plan) => judgePlan(plan, now)),
    ...judgeRecords(records, now),
    ...endedSessions(trace),
    ...unread.map((part) => finding('part_unread', part)),
    ...searchCut(cutAt),
  ];
}

function judgeDelegation(row: Delegation, now: Date): readonly Finding[] {
  const repeated = row.attempts > 1 ? [finding('delegation_repeated', { row })] : [];
  const current = judgeState(row, now);
  return current ? [current, ...repeated] : repeated;
}

function judgeState(row: Delegation, now: Date): Finding | undefined {
  const { state, outcome, sentAt } = row;
  if (outcome)
    return outcome.success ? undefined : finding('delegation_failed', { row, kind: outcome.error.kind });
  if (state === 'running')
    return finding(isLeased(row, now) ? 'delegation_running' : 'delegation_abandoned', { row });
  const waitedMs = now.getTime() - Date.parse(sentAt);
  return state === 'queued' && waitedMs > NOT_TAKEN_MS
    ? finding('delegation_not_taken', { row, waitedMs })
    : undefined;
}

function judgePlan(plan: Plan, now: Date): readonly Finding[] {
  const { state, steps, updatedAt } = plan;
  const step = steps.find((each) => each.state === 'failed' && each.severity === 'critical');
  if (state === 'failed' && step) return [finding('plan_failed', { plan, step })];
  const isQuiet = now.getTime() - Date.parse(updatedAt) > NOT_TAKEN_MS;
  const isQueued = steps.some((each) => each.state === 'queued' || each.compensation?.state === 'queued');
  return !hasEnded(plan) && isQuiet && !isQueued ? [finding('plan_stuck', { plan })] : [];
}

function judgeRecords(records: readonly AuditRecord[], now: Date): readonly Finding[] {
  const ended = new Set(records.map(({ begunBy }) => begunBy));
  return records.flatMap((record): Finding[] => {
    const { id, at, action, decision, outcome, ownCheck } = record;
    // A check expects to be refused.
    if (ownCheck === true && decision === 'refused') return [];
    if (decision === 'refused')
      return [finding(isAccessRefusal(record) ? 'request_refused' : 'request_mistaken', { record })];
    if (outcome === 'begun' && !ended.has(id) && now.getTime() - Date.parse(at) > ACT_WITHIN_MS)
      return [finding('act_not_ended', { record })];
    // The row of a delegation or a plan says how it ended.
    if (action === 'delegations.run' || action === 'plans.run' || fine.has(outcome)) return [];
    return [finding('call_failed', { record })];
  });
}

function endedSessions({ sessions, delegations }: TraceContent): readonly Finding[] {
  const open = new Set(delegations.filter(({ outcome }) => !outcome).map(({ sessionId }) => sessionId));
  return [...sessions].flatMap(([session, found]) =>
    found ? [] : [finding('session_ended', { session, severity: open.has(session) ? 'warning' : 'info' })],
  );
}
