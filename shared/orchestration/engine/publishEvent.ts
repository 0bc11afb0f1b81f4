import type { Principal } from '../../identity/access/actor.ts';
import { type Delegation, newDelegation } from '../model/delegation.ts';
import { sendNew } from './sendMessage.ts';
import type { OrchestrationDeps } from './deps.ts';
import { type EventRoutes, handlerOf } from '../model/eventRoutes.ts';

/** Something that happened, for the agents that its type is routed to. */
export interface SystemEvent {
  /** The same event raised twice is one. */
  readonly id: string;
  readonly tenantId: string;
  readonly type: string;
  /** What is known of it: names and figures, never a token or a payload. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** The user or the part that says so. */
  readonly raisedBy: string;
  /** Who raised it, where that was a user or an app and not the system itself. */
  readonly actor?: Principal;
  readonly traceparent: string;
}

const HANDLE_WITHIN_MS = 3_600_000;

/**
 * Tells each agent of the event's type, by a delegation of its own: one that fails or is slow does not hold another.
 * Gives the delegations; none for a type that has no route.
 */
export async function raiseEvent(
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
    deadline: new Date(now.getTime() + HANDLE_WITHIN_MS).toISOString(),
  };
  const made = targets.map((agent) => newDelegation({ ...work, id: `${id}-${agent}`, agent }, now));
  await Promise.all(made.map((delegation) => sendNew(delegation, deps)));
  deps.log.info('event_raised', { eventId: id, type, agents: targets.join(' ') });
  return made;
}
