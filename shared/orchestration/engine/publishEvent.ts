import type { Actor } from '../../identity/access/actor.ts';
import { type Delegation, newDelegation } from '../model/delegation.ts';
import { type EventRoutes, handlerOf } from '../model/eventRoutes.ts';
import { EVENT_DEADLINE_MS } from '../model/limits.ts';
import type { OrchestrationDeps } from './deps.ts';
import { submitDelegation } from './message.ts';

/** An event, for the agents that its type is routed to. */
export interface SystemEvent {
  /** An event that is published twice under one id is one event. */
  readonly id: string;
  readonly tenantId: string;
  readonly type: string;
  /** Names and figures, never a token or a payload. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** The user or the part of the gateway that published it. */
  readonly raisedBy: string;
  /** The actor, if a user or an app published it. */
  readonly actor?: Actor;
  readonly traceparent: string;
}

/**
 * Publishes an event: each agent that its type is routed to gets a delegation, independent of the others.
 * Returns the delegations; none for a type without a route.
 */
export async function publishEvent(
  { id, tenantId, type, detail, raisedBy, actor, traceparent }: SystemEvent,
  routes: EventRoutes,
  deps: OrchestrationDeps,
): Promise<readonly Delegation[]> {
  const now = deps.clock.now();
  const targets = Object.hasOwn(routes, type) ? (routes[type] ?? []) : [];
  const work = {
    tenantId,
    task: handlerOf(type),
    input: { eventId: id, type, detail, raisedBy, raisedAt: now.toISOString() },
    requestedBy: raisedBy,
    ...(actor && { actor }),
    grantedBy: `event ${type}`,
    traceparent,
    deadline: new Date(now.getTime() + EVENT_DEADLINE_MS).toISOString(),
  };
  const made = targets.map((agent) => newDelegation({ ...work, id: `${id}-${agent}`, agent }, now));
  await Promise.all(made.map((delegation) => submitDelegation(delegation, deps)));
  deps.log.info('event_published', { eventId: id, type, agents: targets.join(' ') });
  return made;
}
