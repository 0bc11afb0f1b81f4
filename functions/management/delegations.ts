import * as z from 'zod';
import { cancelDelegation } from '../../shared/orchestration/engine/cancel.ts';
import {
  delegate,
  type DelegationRequest,
  delegationRequestSchema,
} from '../../shared/orchestration/engine/delegate.ts';
import { agentNames } from '../../shared/orchestration/model/agents.ts';
import { type Delegation, delegationStateSchema } from '../../shared/orchestration/model/delegation.ts';
import { shownError, type WithheldOf } from '../../shared/orchestration/tasks/resultAccess.ts';
import { idSchema } from '../../shared/platform/base/ids.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { pageParameters, readPage, readQuery, spanShape } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, readById, waitParameter } from './wait.ts';

export const delegationHref = (id: string): string => `/delegations/${id}`;

const filterSchema = z.object({
  agent: z.enum(agentNames).optional(),
  state: delegationStateSchema.optional(),
  plan: idSchema.optional(),
  ...spanShape,
});

/** Delegations of the caller's tenant. */
export function delegationRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { delegations } = deps;

  const create: Route<DelegationRequest> = {
    name: 'delegations-create',
    method: 'POST',
    path: 'delegations',
    permission: 'delegations.write',
    query: waitParameter,
    isResumable: true,
    body: delegationRequestSchema,
    async handle(call): Promise<Result<Answer>> {
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const created = await delegate(call.body, asker.value.caller, await deps.tasks(), deps);
      if (!created.ok) return created;
      const { tenantId, id } = created.value;
      const read = async () => (await delegations.find(tenantId, id))?.value;
      const row = await asker.value.follow(created.value, read, hasOutcome);
      const href = delegationHref(id);
      const note = hasOutcome(row)
        ? undefined
        : `the result is not there yet: GET ${href}?wait=30 waits for it`;
      const body = { ...view(row, await withheldFor(call.actor, deps)), href, note };
      return succeed({ status: 202, headers: { location: href }, body });
    },
  };

  const list: Route = {
    name: 'delegations-list',
    method: 'GET',
    path: 'delegations',
    permission: 'delegations.read',
    query: [...pageParameters, ...Object.keys(filterSchema.shape)],
    async handle({ actor, query }): Promise<Result<Answer>> {
      const filter = readQuery(query, filterSchema);
      if (!filter.ok) return filter;
      const { plan: planId, ...rest } = filter.value;
      const withheldOf = await withheldFor(actor, deps);
      return readPage(
        'delegations',
        query,
        (limit, after) => delegations.list(actor.tenantId, { ...rest, planId }, limit, after),
        (row) => view(row, withheldOf),
      );
    },
  };

  const get: Route = {
    name: 'delegations-get',
    method: 'GET',
    path: 'delegations/{id}',
    permission: 'delegations.read',
    query: waitParameter,
    async handle(call) {
      const find = (tenantId: string, id: string) => delegations.find(tenantId, id);
      const found = await readById(call, 'delegation', find, hasOutcome);
      if (!found.ok) return found;
      const { id, state } = found.value;
      const shown = view(found.value, await withheldFor(call.actor, deps));
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
    async handle({ actor, params: { id = '' } }) {
      const cancelled = await cancelDelegation(actor.tenantId, id, deps);
      if (!cancelled.ok) return cancelled;
      const body = view(cancelled.value, await withheldFor(actor, deps));
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

/** Returns the resource of a request, as the audit trail names it. */
function resourceOf({ taskType, agent, task }: DelegationRequest): string {
  if (taskType !== undefined) return `task-types/${taskType}`;
  return agent === undefined ? `tasks/${task ?? ''}` : `agents/${agent}/tasks/${task ?? ''}`;
}

/** Returns a delegation as a reader may see it: a withheld one has no result and no error message. */
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
