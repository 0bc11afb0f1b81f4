import * as z from 'zod';
import {
  listDeadLetters,
  type Requeued,
  requeueDeadLetter,
  type SeenDeadLetter,
  sequenceNumberSchema,
} from '../../shared/orchestration/engine/deadLetters.ts';
import { succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { knownAgent } from './agents.ts';
import { delegationHref } from './delegations.ts';
import { pageParameters, readQuery } from './paging.ts';
import { privileged } from './privileged.ts';

const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(30),
  /** The last sequence number of the page before. */
  cursor: sequenceNumberSchema.optional(),
});

/** The dead letters of the agents' queues. */
export function deadLetterRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const list: Route = {
    name: 'dead-letters-list',
    method: 'GET',
    path: 'agents/{agent}/dead-letters',
    permission: 'agents.read',
    query: pageParameters,
    async handle({ actor, params: { agent = '' }, query }) {
      const known = knownAgent(agent);
      if (!known.ok) return known;
      const page = readQuery(query, pageSchema);
      if (!page.ok) return page;
      const { limit, cursor } = page.value;
      const { items, after } = await listDeadLetters(known.value, actor.tenantId, limit, cursor, deps);
      return succeed({ status: 200, body: { items: items.map(view), nextCursor: after } });
    },
  };

  const requeue: Route = {
    name: 'dead-letters-requeue',
    method: 'POST',
    path: 'agents/{agent}/dead-letters/{id}/requeue',
    permission: 'delegations.write',
    async handle({ actor, params: { agent = '', id = '' } }) {
      const known = knownAgent(agent);
      if (!known.ok) return known;
      const requeued = await requeueDeadLetter(known.value, id, actor.tenantId, deps);
      return requeued.ok ? succeed({ status: 200, body: report(requeued.value) }) : requeued;
    },
  };

  return [
    list,
    privileged(
      requeue,
      'dead-letters.requeue',
      ({ params: { agent = '', id = '' } }) => `agents/${agent}/dead-letters/${id}`,
      deps.audit,
    ),
  ];
}

/** Returns a dead letter without its body. The delegation shows what its tenant may see. */
function view({ letter, delegation }: SeenDeadLetter) {
  const { sequenceNumber, enqueuedAt, reason, description, deliveryCount, size } = letter;
  return {
    id: sequenceNumber,
    sequenceNumber,
    enqueuedAt,
    reason,
    description,
    deliveryCount,
    size,
    delegation: delegation && { ...delegation, href: delegationHref(delegation.id) },
  };
}

function report(requeued: Requeued) {
  if (requeued.kind === 'resent') return { done: requeued.kind };
  const { kind, delegationId: id, state } = requeued;
  return {
    done: kind,
    because: kind === 'removed' ? requeued.because : undefined,
    delegation: { id, href: delegationHref(id), state },
  };
}
