import type { Delegation } from '../../shared/orchestration/delegation.ts';
import type { DelegationStore } from '../../shared/orchestration/stores.ts';
import { succeed } from '../../shared/platform/result.ts';
import type { Route } from '../http.ts';
import { readById } from './wait.ts';

export const delegationHref = (id: string): string => `/delegations/${id}`;

/** Delegations of the caller's tenant. */
export function delegationRoutes({
  delegations,
}: {
  readonly delegations: DelegationStore;
}): readonly Route<unknown>[] {
  const get: Route = {
    name: 'delegations-get',
    method: 'GET',
    path: 'delegations/{id}',
    permission: 'delegations.read',
    async handle(call) {
      const found = await readById(
        call,
        'delegation',
        (tenantId, id) => delegations.find(tenantId, id),
        ({ outcome }) => outcome !== undefined,
      );
      return found.ok ? succeed({ status: 200, body: view(found.value) }) : found;
    },
  };
  return [get];
}

function view({
  id,
  agent,
  task,
  state,
  attempts,
  outcome,
  planId,
  stepId,
  deadline,
  createdAt,
  startedAt,
  finishedAt,
}: Delegation) {
  return {
    id,
    agent,
    task,
    state,
    attempts,
    result: outcome?.success ? outcome.result : undefined,
    error: outcome?.success === false ? outcome.error : undefined,
    planId,
    stepId,
    deadline,
    createdAt,
    startedAt,
    finishedAt,
  };
}
