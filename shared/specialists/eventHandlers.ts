import { z } from 'zod';
import type { Audit } from '../audit/journal/audit.ts';
import { type EventRoutes, handlerOf } from '../orchestration/model/eventRoutes.ts';
import { type Task, defineTask } from '../orchestration/tasks/task.ts';
import { succeed } from '../platform/base/result.ts';

/** What a handler of an event is told of it. */
export const eventSchema = z.object({
  eventId: z.string(),
  type: z.string(),
  detail: z.record(z.string(), z.unknown()),
  raisedBy: z.string(),
  raisedAt: z.iso.datetime(),
});

/** For each type of event and each agent that is told of it: the agent puts it into the audit trail. */
export const eventRecorders = (routes: EventRoutes, audit: Pick<Audit, 'append'>): readonly Task[] =>
  Object.entries(routes).flatMap(([type, agents]) =>
    agents.map((agent) =>
      defineTask({
        name: handlerOf(type),
        permissions: ['delegations.read'],
        agent,
        description: `Takes note of the event ${type} in the audit trail.`,
        timeoutMs: 10_000,
        input: eventSchema,
        output: z.object({ recorded: z.literal(true), afterMs: z.number() }),
        run({ eventId, raisedAt }, { tenantId, traceId, clock }) {
          const afterMs = clock.now().getTime() - Date.parse(raisedAt);
          audit.append({
            tenantId,
            actor: agent,
            action: `events.${type}`,
            resource: `events/${eventId}`,
            decision: 'allowed',
            outcome: 'succeeded',
            durationMs: afterMs,
            traceId,
          });
          return Promise.resolve(succeed({ recorded: true as const, afterMs }));
        },
      }),
    ),
  );
