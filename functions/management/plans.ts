import * as z from 'zod';
import { cancelPlan } from '../../shared/orchestration/engine/cancel.ts';
import { agents } from '../../shared/orchestration/model/agents.ts';
import type { Delegation } from '../../shared/orchestration/model/delegation.ts';
import { hasEnded, type Plan, planSchema } from '../../shared/orchestration/model/plan.ts';
import { compensationId, planError } from '../../shared/orchestration/model/planProgress.ts';
import { missingTasks } from '../../shared/orchestration/plans/namedPlan.ts';
import { namedPlans } from '../../shared/orchestration/plans/namedPlans.ts';
import {
  type PlanRequest,
  planRequestSchema,
  requestPlan,
} from '../../shared/orchestration/plans/requestPlan.ts';
import { shownError, type WithheldOf } from '../../shared/orchestration/tasks/resultAccess.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { delegationHref } from './delegations.ts';
import { delegationsOf } from './delegationsOf.ts';
import { pageParameters, readPage, readQuery, spanShape } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, followPlan, readById, waitParameter } from './wait.ts';
import { watchPlan } from './watchPlan.ts';

export const planHref = (id: string): string => `/plans/${id}`;

const filterSchema = z.object({
  name: z.string().max(100).optional(),
  state: planSchema.shape.state.optional(),
  ...spanShape,
});

/** Plans of the caller's tenant. */
export function planRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { plans, delegations } = deps;
  const find = (tenantId: string, id: string) => plans.find(tenantId, id);

  const create: Route<PlanRequest> = {
    name: 'plans-create',
    method: 'POST',
    path: 'plans',
    permission: 'plans.write',
    query: waitParameter,
    isResumable: true,
    body: planRequestSchema,
    async handle(call): Promise<Result<Answer>> {
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const begun = await requestPlan(call.body, asker.value.caller, await deps.tasks(), deps);
      if (!begun.ok) return begun;
      const plan = await followPlan(begun.value, asker.value, plans);
      const href = planHref(plan.id);
      const body = { ...view(plan, await withheldFor(call.actor, deps)), href };
      return succeed({ status: 202, headers: { location: href }, body });
    },
  };

  const list: Route = {
    name: 'plans-list',
    method: 'GET',
    path: 'plans',
    permission: 'plans.read',
    query: [...pageParameters, ...Object.keys(filterSchema.shape)],
    async handle({ actor, query }): Promise<Result<Answer>> {
      const filter = readQuery(query, filterSchema);
      if (!filter.ok) return filter;
      const { tenantId } = actor;
      return readPage(
        'plans',
        query,
        (limit, after) => plans.list(tenantId, filter.value, limit, after),
        summary,
      );
    },
  };

  const get: Route = {
    name: 'plans-get',
    method: 'GET',
    path: 'plans/{id}',
    permission: 'plans.read',
    query: waitParameter,
    async handle(call) {
      const found = await readById(call, 'plan', find, hasEnded);
      if (!found.ok) return found;
      const plan = found.value;
      const withheldOf = await withheldFor(call.actor, deps);
      return succeed({ status: 200, body: view(plan, withheldOf, await delegationsOf(plan, delegations)) });
    },
  };

  const watch: Route = {
    name: 'plans-events',
    method: 'GET',
    path: 'plans/{id}/events',
    permission: 'plans.read',
    async handle(call) {
      const found = await readById(call, 'plan', find, () => true);
      if (!found.ok) return found;
      const { tenantId, id } = found.value;
      const read = async () => (await find(tenantId, id))?.value;
      const withheldOf = await withheldFor(call.actor, deps);
      const shown = (plan: Plan) => view(plan, withheldOf);
      return watchPlan(found.value, read, shown, call.headers.get('last-event-id'));
    },
  };

  const cancel: Route = {
    name: 'plans-cancel',
    method: 'POST',
    path: 'plans/{id}/cancel',
    permission: 'plans.write',
    async handle({ actor, params: { id = '' } }) {
      const cancelled = await cancelPlan(actor.tenantId, id, deps);
      if (!cancelled.ok) return cancelled;
      const body = view(cancelled.value, await withheldFor(actor, deps));
      return succeed({ status: 200, body });
    },
  };

  const listNamed: Route = {
    name: 'named-plans',
    method: 'GET',
    path: 'named-plans',
    permission: 'plans.read',
    async handle() {
      const catalogue = await deps.tasks();
      const items = namedPlans(deps.gates).map((plan) => {
        const { name, description, steps } = plan;
        const missing = missingTasks(plan, catalogue);
        const shown = steps.map(({ id, agent, task, dependsOn = [] }) => ({ id, agent, task, dependsOn }));
        return { name, description, available: missing.length === 0, missing, steps: shown };
      });
      return succeed({ status: 200, body: { items } });
    },
  };

  return [
    privileged(create, 'plans.create', ({ body }) => `plans/${body.name ?? 'ad_hoc'}`, deps.audit),
    list,
    get,
    watch,
    privileged(cancel, 'plans.cancel', ({ params: { id = '' } }) => `plans/${id}`, deps.audit),
    listNamed,
  ];
}

function summary({ id, name, state, requestedBy, actor, createdAt, finishedAt }: Plan) {
  const requestedByName = actor?.name;
  return { id, name, state, requestedBy, requestedByName, createdAt, finishedAt, href: planHref(id) };
}

/** Returns a plan with its steps. Its delegations, if given, add results and the times at which agents began. */
function view(plan: Plan, withheldOf: WithheldOf, delegations: ReadonlyMap<string, Delegation> = new Map()) {
  const { id, name, state, revision, steps, createdAt, updatedAt, finishedAt } = plan;
  return {
    id,
    name,
    state,
    revision,
    error: shownPlanError(plan, withheldOf),
    steps: steps.map((step) => {
      const { compensation } = step;
      const withheld = withheldOf(step);
      const delegation = delegations.get(step.id);
      const undo = delegations.get(compensationId(step.id));
      return {
        id: step.id,
        app: agents[step.agent],
        agent: step.agent,
        task: step.task,
        state: step.state,
        dependsOn: step.dependsOn,
        severity: step.severity,
        result: delegation?.outcome?.success && !withheld ? delegation.outcome.result : undefined,
        error: step.error && shownError(step.error, withheld),
        withheld,
        queuedAt: step.queuedAt,
        startedAt: delegation?.startedAt,
        finishedAt: step.finishedAt,
        delegation: delegation && linkTo(delegation),
        compensation: compensation && {
          agent: compensation.agent,
          task: compensation.task,
          state: compensation.state,
          error: compensation.error && shownError(compensation.error, withheldOf(compensation)),
          delegation: undo && linkTo(undo),
        },
      };
    }),
    createdAt,
    updatedAt,
    finishedAt,
  };
}

/** Returns why the plan failed, with the message of the step that failed first. */
function shownPlanError(plan: Plan, withheldOf: WithheldOf): ReturnType<typeof planError> {
  const error = planError(plan);
  const step = plan.steps.find(({ id }) => id === error?.step);
  return error && shownError(error, step && withheldOf(step));
}

const linkTo = ({ id }: Delegation) => ({ id, href: delegationHref(id) });
