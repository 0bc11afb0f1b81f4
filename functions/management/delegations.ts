import { agentNames } from '../../shared/orchestration/model/agents.ts';
import { cancelDelegation } from '../../shared/orchestration/engine/cancelDelegation.ts';
import {
  type DelegationRequest,
  delegate,
  delegationRequestSchema,
} from '../../shared/orchestration/engine/delegate.ts';
import { type Delegation, delegationStateSchema } from '../../shared/orchestration/model/delegation.ts';
import { type WithheldOf, shownError } from '../../shared/orchestration/tasks/resultAccess.ts';
import { idSchema } from '../../shared/platform/base/ids.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import { z } from 'zod';
import type { AppDeps } from '../compose/compose.ts';
import type { Answer, Route } from '../http/route.ts';
import { readPage, readQuery } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, readById } from './wait.ts';
import { withheldFor } from './withheld.ts';

export const delegationHref = (id: string): string => `/delegations/${id}`;

const filterSchema = z.object({
  agent: z.enum(agentNames).optional(),
  state: delegationStateSchema.optional(),
  plan: idSchema.optional(),
});

/** Delegations of the caller's tenant. */
export function delegationRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { delegations } = deps;

  const create: Route<DelegationRequest> = {
    name: 'delegations-create',
    method: 'POST',
    path: 'delegations',
    permission: 'delegations.write',
    isResumable: true,
    body: delegationRequestSchema,
    async handle(call): Promise<Result<Answer>> {
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const created = await delegate(call.body, asker.value.caller, await deps.tasks(), deps);
      if (!created.ok) return created;
      const { tenantId, id, agent, task } = created.value;
      const read = async () => (await delegations.find(tenantId, id))?.value;
      const { state } = await asker.value.follow(created.value, read, hasOutcome);
      const href = delegationHref(id);
      return succeed({
        status: 202,
        headers: { location: href },
        body: { id, agent, task, state, href },
      });
    },
  };

  const list: Route = {
    name: 'delegations-list',
    method: 'GET',
    path: 'delegations',
    permission: 'delegations.read',
    async handle({ principal, query }): Promise<Result<Answer>> {
      const filter = readQuery(query, filterSchema);
      if (!filter.ok) return filter;
      const { plan: planId, ...rest } = filter.value;
      const withheldOf = await withheldFor(principal, deps);
      return readPage(
        query,
        (limit, after) => delegations.list(principal.tenantId, { ...rest, planId }, limit, after),
        (row) => view(row, withheldOf),
      );
    },
  };

  const get: Route = {
    name: 'delegations-get',
    method: 'GET',
    path: 'delegations/{id}',
    permission: 'delegations.read',
    async handle(call) {
      const find = (tenantId: string, id: string) => delegations.find(tenantId, id);
      const found = await readById(call, 'delegation', find, hasOutcome);
      if (!found.ok) return found;
      const { id, state } = found.value;
      const shown = view(found.value, await withheldFor(call.principal, deps));
      const hasProgress = state === 'running' && !shown.withheld;
      const progress = hasProgress ? await deps.progress.read(id) : undefined;
      return succeed({ status: 200, body: { ...shown, progress } });
    },
  };

  const cancel: Route = {
    name: 'delegations-cancel',
    method: 'POST',
    path: 'delegations/{id}/cancel',
    permission: 'delegations.write',
    async handle({ principal, params: { id = '' } }) {
      const cancelled = await cancelDelegation(principal.tenantId, id, deps);
      if (!cancelled.ok) return cancelled;
      const body = view(cancelled.value, await withheldFor(principal, deps));
      return succeed({ status: 200, body });
    },
  };

  return [
    privileged(create, 'delegations.create', ({ body }) => resourceOf(body), deps.audit),
    list,
    get,
    privileged(cancel, 'delegations.cancel', ({ params: { id = '' } }) => `delegations/${id}`, deps.audit),
  ];
}

const hasOutcome = ({ outcome }: Delegation): boolean => outcome !== undefined;

/** What is asked for, as the audit trail names it. */
function resourceOf({ taskType, agent, task }: DelegationRequest): string {
  if (taskType !== undefined) return `task-types/${taskType}`;
  return agent === undefined ? `tasks/${task ?? ''}` : `agents/${agent}/tasks/${task ?? ''}`;
}

/** A delegation without what is withheld: the result, and the words of an error. */
function view(row: Delegation, withheldOf: WithheldOf) {
  const { id, agent, task, state, attempts, outcome, planId, stepId, sessionId } = row;
  const { deadline, createdAt, startedAt, finishedAt } = row;
  const withheld = withheldOf(row);
  return {
    id,
    agent,
    task,
    state,
    attempts,
    result: outcome?.success && !withheld ? outcome.result : undefined,
    error: outcome?.success === false ? shownError(outcome.error, withheld) : undefined,
    withheld,
    planId,
    stepId,
    sessionId,
    deadline,
    createdAt,
    startedAt,
    finishedAt,
  };
}
