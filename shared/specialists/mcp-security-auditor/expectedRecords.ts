import { z } from 'zod';
import type { AuditRecord } from '../../audit/model/record.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import type { Plan } from '../../orchestration/model/plan.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { Finding } from '../finding.ts';

/** Looks at health begin it without a record of their own: it changes nothing. */
const LOOK_PLAN = 'comprehensive_health_check';

/** A record that must be there. */
export interface Expected {
  readonly what: string;
  readonly action: string;
  readonly resource: string;
  readonly traceId: string;
  readonly finishedAt: string;
  /** By a person, of which there must be a record too. */
  readonly isAsked: boolean;
}

const isPerson = (requester: string | undefined): boolean =>
  requester !== undefined && z.guid().safeParse(requester).success;

export function ofDelegation({
  id,
  agent,
  task,
  traceparent,
  finishedAt = '',
  planId,
  requestedBy,
}: Delegation): Expected {
  return {
    what: `delegations/${id}`,
    action: 'delegations.run',
    resource: `agents/${agent}/tasks/${task}`,
    traceId: continueTrace(traceparent).traceId,
    finishedAt,
    isAsked: planId === undefined && isPerson(requestedBy),
  };
}

export const ofPlan = ({ id, name, requestedBy, traceparent, finishedAt = '' }: Plan): Expected => ({
  what: `plans/${id}`,
  action: 'plans.run',
  resource: `plans/${id}`,
  traceId: continueTrace(traceparent).traceId,
  finishedAt,
  isAsked: name !== LOOK_PLAN && isPerson(requestedBy),
});

const MAX_NAMED = 20;

/** Of which there is no record, by what is missing. */
export function missing(expected: readonly Expected[], records: readonly AuditRecord[]): Finding[] {
  const ended = new Set(records.map(({ traceId, action, resource }) => `${traceId} ${action} ${resource}`));
  const requests = records.filter(
    ({ action, decision }) =>
      decision === 'allowed' && action !== 'delegations.run' && action !== 'plans.run',
  );
  const asked = new Set(requests.map(({ traceId }) => traceId));
  const unended = expected.filter(
    ({ traceId, action, resource }) => !ended.has(`${traceId} ${action} ${resource}`),
  );
  const unasked = expected.filter(({ isAsked, traceId }) => isAsked && !asked.has(traceId));
  const name = (gone: readonly Expected[]) => ({
    count: gone.length,
    of: gone.slice(0, MAX_NAMED).map(({ what, finishedAt, traceId }) => ({ what, finishedAt, traceId })),
  });
  return [
    ...(unasked.length > 0
      ? [
          {
            rule: 'request_unrecorded',
            severity: 'critical' as const,
            message: `${unasked.length} pieces of work were done although no record says that they were asked for`,
            evidence: name(unasked),
            remedy:
              'That record is stored before the work: look who may write to the tables beside the apps, and verify the trail.',
          },
        ]
      : []),
    ...(unended.length > 0
      ? [
          {
            rule: 'end_unrecorded',
            severity: 'warning' as const,
            message: `${unended.length} pieces of work have ended without a record of it`,
            evidence: name(unended),
            remedy:
              'An app that is killed loses its last second: look whether one was at that time. If not, look for audit_delayed in the log.',
          },
        ]
      : []),
  ];
}
