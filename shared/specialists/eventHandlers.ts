import * as z from 'zod';
import type { Audit } from '../audit/journal/audit.ts';
import type { Agent } from '../orchestration/model/agents.ts';
import { type EventRoutes, handlerOf } from '../orchestration/model/eventRoutes.ts';
import { defineTask, type Task, type TaskHelpers } from '../orchestration/tasks/task.ts';
import { succeed } from '../platform/base/result.ts';

/** The input of a task that handles an event. */
export const eventSchema = z.object({
  eventId: z.string(),
  type: z.string(),
  detail: z.record(z.string(), z.unknown()),
  raisedBy: z.string(),
  raisedAt: z.iso.datetime(),
});
export type RaisedEvent = z.infer<typeof eventSchema>;

/** How an agent records in the audit trail what it did about an event. */
interface EventAudit {
  /** From the event to the call of `auditEvent`. */
  readonly afterMs: number;
  /** The resource of the record is the event, unless another is named. */
  readonly record: (action: string, outcome: 'succeeded' | 'not_passed', resource?: string) => void;
}

/** Returns the writer of audit records about an event, in the name of the agent that handles it. */
export function auditEvent(
  agent: Agent,
  { eventId, raisedAt }: RaisedEvent,
  { tenantId, traceId, clock }: Pick<TaskHelpers, 'tenantId' | 'traceId' | 'clock'>,
  audit: Pick<Audit, 'append'>,
): EventAudit {
  const afterMs = clock.now().getTime() - Date.parse(raisedAt);
  return {
    afterMs,
    record: (action, outcome, resource = `events/${eventId}`) => {
      audit.append({
        tenantId,
        actor: agent,
        action,
        resource,
        decision: 'allowed',
        outcome,
        durationMs: Math.max(0, afterMs),
        traceId,
      });
    },
  };
}

/** Returns a task for each type of event and each agent that it is routed to: the agent records the event in the audit trail. */
export const eventRecorders = (routes: EventRoutes, audit: Pick<Audit, 'append'>): readonly Task[] =>
  Object.entries(routes).flatMap(([type, agents]) =>
    agents.map((agent) =>
      defineTask({
        name: handlerOf(type),
        permissions: ['delegations.read'],
        agent,
        description: `Records the event ${type} in the audit trail.`,
        timeoutMs: 10_000,
        input: eventSchema,
        output: z.object({ recorded: z.literal(true), afterMs: z.number() }),
        run(event, helpers) {
          const { record, afterMs } = auditEvent(agent, event, helpers, audit);
          record(`events.${type}`, 'succeeded');
          return Promise.resolve(succeed({ recorded: true as const, afterMs }));
        },
      }),
    ),
  );
