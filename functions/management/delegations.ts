import type { Delegation } from '../../shared/orchestration/delegation.ts';
import type { DelegationStore } from '../../shared/orchestration/stores.ts';
import { fail, succeed } from '../../shared/platform/result.ts';
import type { Route } from '../http.ts';
import { readUntil, waitSeconds } from './wait.ts';

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
    async handle({ principal, params: { id = '' }, query, signal }) {
      const wait = waitSeconds(query);
      if (!wait.ok) return wait;
      const read = async () => (await delegations.find(principal.tenantId, id))?.value;
      const delegation = await readUntil(
        read,
        (found) => found?.outcome !== undefined || !found,
        wait.value,
        signal,
      );
      if (!delegation) return fail({ kind: 'not_found', message: `there is no delegation "${id}"` });
      return succeed({ status: 200, body: view(delegation) });
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
