import * as z from 'zod';
import { publishEvent } from '../../shared/orchestration/engine/publishEvent.ts';
import { actorOf, idFor } from '../../shared/orchestration/model/caller.ts';
import { unknownName } from '../../shared/orchestration/model/unknownName.ts';
import { type Bounds, unsafeShape } from '../../shared/platform/base/json.ts';
import { fail, invalid, type Result, succeed } from '../../shared/platform/base/result.ts';
import { traceparentOf } from '../../shared/platform/telemetry/trace.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { callerOf } from './caller.ts';
import { delegationHref } from './delegations.ts';
import { privileged } from './privileged.ts';

const eventSchema = z.strictObject({
  type: z.string().max(100),
  detail: z.record(z.string(), z.unknown()).optional(),
});
type EventRequest = z.infer<typeof eventSchema>;

const DETAIL_BOUNDS: Bounds = { depth: 32, keys: 1_000 };
const MAX_DETAIL_LENGTH = 32_000;

/** Events of the caller's tenant. */
export function eventRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const routes = deps.eventRoutes;

  const raise: Route<EventRequest> = {
    name: 'events-raise',
    method: 'POST',
    path: 'events',
    permission: 'delegations.write',
    isResumable: true,
    body: eventSchema,
    async handle(call): Promise<Result<Answer>> {
      const { type, detail = {} } = call.body;
      if (!Object.hasOwn(routes, type)) return fail(unknownName('type of event', type, Object.keys(routes)));
      const unsafe = unsafeShape(detail, DETAIL_BOUNDS);
      if (unsafe !== undefined) return invalid('detail', unsafe);
      if (JSON.stringify(detail).length > MAX_DETAIL_LENGTH)
        return invalid('detail', `is longer than ${MAX_DETAIL_LENGTH} characters of JSON`);
      const { tenantId, userId } = call.actor;
      const id = idFor(callerOf(call), deps.newId);
      const made = await publishEvent(
        {
          id,
          tenantId,
          type,
          detail,
          raisedBy: userId,
          actor: actorOf(call),
          traceparent: traceparentOf(call.trace),
        },
        routes,
        deps,
      );
      const delegations = made.map((told) => ({
        id: told.id,
        agent: told.agent,
        href: delegationHref(told.id),
      }));
      return succeed({ status: 202, body: { id, type, delegations } });
    },
  };

  const list: Route = {
    name: 'event-types',
    method: 'GET',
    path: 'events/types',
    permission: 'agents.read',
    handle: () => {
      const items = Object.entries(routes).map(([type, agents]) => ({ type, agents }));
      return Promise.resolve(succeed({ status: 200, body: { items } }));
    },
  };

  return [privileged(raise, 'events.raise', ({ body }) => `events/${body.type}`, deps.audit), list];
}
