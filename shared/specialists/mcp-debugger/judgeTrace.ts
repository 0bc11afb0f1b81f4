import type { AuditRecord } from '../../audit/model/record.ts';
import { agents } from '../../orchestration/model/agents.ts';
import { type Delegation, isLeased } from '../../orchestration/model/delegation.ts';
import { type Plan, hasEnded } from '../../orchestration/model/plan.ts';
import type { Finding } from '../finding.ts';
import type { Gathered } from './readTrace.ts';

/** A message that is not taken for so long waits for an agent that is busy, or for none. */
const NOT_TAKEN_MS = 10_000;
/** An act of a request ends with the request, and none lasts longer than this. */
const ACT_WITHIN_MS = 120_000;
/** Outcomes of audit records by which a call was not failed by the system. */
const fine: ReadonlySet<string> = new Set(['succeeded', 'begun', 'abandoned', 'cancelled', 'not_passed']);

/** Where a trace failed, hangs or was lost. `own`: the delegation that looks, which is part of it and has not ended. */
export function judgeTrace(gathered: Gathered, now: Date, own: string): readonly Finding[] {
  const { delegations, plans, records, unread, cutAt } = gathered;
  return [
    ...delegations.filter(({ id }) => id !== own).flatMap((row) => judgeDelegation(row, now)),
    ...plans.flatMap((plan) => judgePlan(plan, now)),
    ...judgeRecords(records, now),
    ...endedSessions(gathered),
    ...unread.map(({ part, why }): Finding => ({
      rule: 'part_unread',
      severity: 'warning',
      message: `${part} could not be read: ${why}`,
      evidence: { part },
      remedy: 'Look at the stores with the task database_connection_issues, then ask again.',
    })),
    ...(cutAt === undefined
      ? []
      : [
          {
            rule: 'search_cut',
            severity: 'info' as const,
            message: 'not all of the audit trail was searched: there are too many records in the span',
            evidence: { readBackTo: cutAt },
            remedy: 'Ask with fewer hours.',
          },
        ]),
  ];
}

function judgeDelegation(row: Delegation, now: Date): Finding[] {
  const { id, agent, task, state, attempts, outcome, sentAt, startedAt, leaseUntil } = row;
  const app = agents[agent];
  const evidence = { delegation: id, agent, app, task, state, attempts };
  const waitedMs = now.getTime() - Date.parse(sentAt);
  const findings: Finding[] = [];
  if (outcome && !outcome.success)
    findings.push({
      rule: 'delegation_failed',
      severity: outcome.error.kind === 'cancelled' ? 'info' : 'critical',
      // Without the message: it may quote a result that takes another permission.
      message: `it ended at ${task} of ${agent}: ${outcome.error.kind}`,
      evidence,
      remedy:
        outcome.error.kind === 'timeout'
          ? `See what ${task} waited for: the log of the ${app} app has it under this trace.`
          : `Read the error at GET /delegations/${id}, mend what it names and ask for the work again.`,
    });
  else if (!outcome && state === 'queued' && waitedMs > NOT_TAKEN_MS)
    findings.push({
      rule: 'delegation_not_taken',
      severity: 'critical',
      message: `it hangs: ${task} waits ${Math.round(waitedMs / 1000)} s for ${agent}, which has not taken its message`,
      evidence: { ...evidence, waitedMs },
      remedy: `See that the ${app} app runs and receives from the queue ${agent}, and look at its dead letters; GET /agents says how much waits. The sweeper sends again by itself.`,
    });
  else if (state === 'running' && !isLeased(row, now))
    findings.push({
      rule: 'delegation_abandoned',
      severity: 'critical',
      message: `it hangs: ${agent} took ${task} and is gone, since its lease ended without an outcome`,
      evidence: { ...evidence, leaseUntil },
      remedy: `Look at why an instance of the ${app} app ended (memory, a deployment); the sweeper gives the work to another.`,
    });
  else if (state === 'running')
    findings.push({
      rule: 'delegation_running',
      severity: 'info',
      message: `${agent} is at ${task} since ${startedAt ?? sentAt}`,
      evidence: { ...evidence, leaseUntil },
      remedy: 'Wait until its lease ends, or cancel it.',
    });
  if (attempts > 1)
    findings.push({
      rule: 'delegation_repeated',
      severity: 'warning',
      message: `${task} of ${agent} was begun ${attempts} times: it met faults of the system`,
      evidence,
      remedy: `Look for delegation_failed in the log of the ${app} app under this trace.`,
    });
  return findings;
}

function judgePlan(plan: Plan, now: Date): Finding[] {
  const { id, name, state, steps, updatedAt } = plan;
  const evidence = { plan: id, name, state };
  const failed = steps.find((step) => step.state === 'failed' && step.severity === 'critical');
  if (state === 'failed' && failed)
    return [
      {
        rule: 'plan_failed',
        severity: 'critical',
        message: `the plan ${name} failed at ${failed.id} of ${failed.agent}: ${failed.error?.kind ?? 'unknown'}`,
        evidence: { ...evidence, step: failed.id, kind: failed.error?.kind },
        remedy: `Read the error at GET /plans/${id}, mend what it names and make the plan anew; what had succeeded is compensated.`,
      },
    ];
  const isQuiet = now.getTime() - Date.parse(updatedAt) > NOT_TAKEN_MS;
  const isQueued = steps.some((step) => step.state === 'queued' || step.compensation?.state === 'queued');
  if (!hasEnded(plan) && isQuiet && !isQueued)
    return [
      {
        rule: 'plan_stuck',
        severity: 'critical',
        message: `the plan ${name} hangs: none of its steps is queued, and it has not ended`,
        evidence: {
          ...evidence,
          updatedAt,
          waiting: steps.filter((step) => step.state === 'waiting').length,
        },
        remedy: 'The sweeper of the management app moves it on each half minute: see that this app runs.',
      },
    ];
  return [];
}

function judgeRecords(records: readonly AuditRecord[], now: Date): Finding[] {
  const ended = new Set(records.map(({ begunBy }) => begunBy));
  return records.flatMap(({ id, at, action, resource, decision, outcome, durationMs }): Finding[] => {
    const evidence = { record: id, action, resource, outcome, at };
    if (decision === 'refused')
      return [
        {
          rule: 'request_refused',
          severity: 'critical',
          message: `it ended where it was refused: ${action} on ${resource}, ${outcome}`,
          evidence,
          remedy: 'Give this trace to the task authentication_failures: it names the rule and what to do.',
        },
      ];
    if (outcome === 'begun' && !ended.has(id) && now.getTime() - Date.parse(at) > ACT_WITHIN_MS)
      return [
        {
          rule: 'act_not_ended',
          severity: 'critical',
          message: `it was lost: ${action} on ${resource} was begun, and nothing says how it ended`,
          evidence,
          remedy:
            'The app that did it was ended meanwhile: see whether the thing was done, and do it again if not.',
        },
      ];
    // What a delegation came to is told by its own row.
    if (action === 'delegations.run' || action === 'plans.run' || fine.has(outcome)) return [];
    return [
      {
        rule: 'call_failed',
        severity: outcome === 'tool_error' || outcome === 'rpc_error' ? 'warning' : 'critical',
        message: `it ended at ${action} on ${resource}: ${outcome}, after ${durationMs} ms`,
        evidence: { ...evidence, durationMs },
        remedy:
          outcome === 'tool_error' || outcome === 'rpc_error'
            ? 'The server itself answered so: look at what it was called with.'
            : 'Look at the server or the part that the resource names: it could not be used.',
      },
    ];
  });
}

function endedSessions({ sessions, delegations }: Gathered): Finding[] {
  const open = delegations.filter(({ outcome }) => !outcome);
  return [...sessions].flatMap(([id, session]): Finding[] =>
    session
      ? []
      : [
          {
            rule: 'session_ended',
            severity: open.some(({ sessionId }) => sessionId === id) ? 'warning' : 'info',
            message: 'the session that the work was asked for in has ended, or never was of this tenant',
            evidence: { session: id },
            remedy: 'Open a new session for work that acts on behalf of somebody.',
          },
        ],
  );
}
