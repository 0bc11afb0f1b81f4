import * as z from 'zod';
import { systemReport } from '../../shared/health/systemReport.ts';
import type { Actor } from '../../shared/identity/access/actor.ts';
import { hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';
import { requestPlan } from '../../shared/orchestration/plans/requestPlan.ts';
import { probeSchema, REPORT_PLAN } from '../../shared/orchestration/plans/systemReport.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { delegationsOf } from './delegationsOf.ts';
import { pageParameters, readPage, readQuery, spanShape } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, followPlan, readById, waitParameter } from './wait.ts';

const reportHref = (id: string): string => `/reports/${id}`;

const requestSchema = z.strictObject({
  sessionId: z.string().max(100).optional(),
  probe: probeSchema.optional(),
});
const spanSchema = z.object(spanShape);

/** Reports of the whole system in the caller's tenant: each is a plan in which every specialist reports. */
export function reportRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { plans, delegations } = deps;
  const view = async (plan: Plan, actor: Actor) =>
    systemReport(plan, await delegationsOf(plan, delegations), await withheldFor(actor, deps));

  const begin: Route<z.infer<typeof requestSchema>> = {
    name: 'reports-create',
    method: 'POST',
    path: 'reports',
    permission: 'delegations.write',
    query: waitParameter,
    isResumable: true,
    body: requestSchema,
    bodyWhenAbsent: {},
    async handle(call): Promise<Result<Answer>> {
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const { sessionId, probe } = call.body;
      const request = { name: REPORT_PLAN, sessionId, input: { probe } };
      const begun = await requestPlan(request, asker.value.caller, await deps.tasks(), deps);
      if (!begun.ok) return begun;
      const plan = await followPlan(begun.value, asker.value, plans);
      const href = reportHref(plan.id);
      return succeed({
        status: 202,
        headers: { location: href },
        body: { ...(await view(plan, call.actor)), href },
      });
    },
  };

  const list: Route = {
    name: 'reports-list',
    method: 'GET',
    path: 'reports',
    permission: 'reports.read',
    query: [...pageParameters, ...Object.keys(spanShape)],
    async handle({ actor, query }) {
      const span = readQuery(query, spanSchema);
      if (!span.ok) return span;
      const filter = { ...span.value, name: REPORT_PLAN };
      return readPage(
        'reports',
        query,
        (limit, after) => plans.list(actor.tenantId, filter, limit, after),
        summary,
      );
    },
  };

  const get: Route = {
    name: 'reports-get',
    method: 'GET',
    path: 'reports/{id}',
    permission: 'reports.read',
    query: waitParameter,
    async handle(call) {
      const found = await readById(call, 'report', (tenantId, id) => plans.find(tenantId, id), hasEnded);
      if (!found.ok) return found;
      if (found.value.name !== REPORT_PLAN)
        return fail({ kind: 'not_found', message: `there is no report "${found.value.id}"` });
      return succeed({ status: 200, body: await view(found.value, call.actor) });
    },
  };

  return [privileged(begin, 'reports.create', () => 'reports', deps.audit), list, get];
}

function summary({ id, state, requestedBy, createdAt, finishedAt }: Plan) {
  const status = hasEnded({ state }) ? 'complete' : 'running';
  return { id, status, requestedBy, createdAt, generatedAt: finishedAt, href: reportHref(id) };
}
