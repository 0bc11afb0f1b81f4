import { z } from 'zod';
import { systemReport } from '../../shared/health/systemReport.ts';
import type { Actor } from '../../shared/identity/access/actor.ts';
import { hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';
import type { PlanStore } from '../../shared/orchestration/model/stores.ts';
import { requestPlan } from '../../shared/orchestration/plans/requestPlan.ts';
import { REPORT_PLAN } from '../../shared/orchestration/plans/systemReport.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { delegationsOf } from './delegationsOf.ts';
import { pageParameters, readQuery } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, followPlan, readById, waitParameter } from './wait.ts';

const reportHref = (id: string): string => `/reports/${id}`;

const requestSchema = z.strictObject({ sessionId: z.string().max(100).optional() });
const listSchema = z.object({ limit: z.coerce.number().int().min(1).max(100).default(30) });

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
      const request = { name: REPORT_PLAN, ...call.body };
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
    query: pageParameters,
    async handle({ actor, query }) {
      const wanted = readQuery(query, listSchema);
      if (!wanted.ok) return wanted;
      const found = await latestReports(actor.tenantId, plans);
      return succeed({ status: 200, body: { items: found.slice(0, wanted.value.limit).map(summary) } });
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

const PAGE = 100;

/** The newest first. Plans are kept in the order of their ids, so all reports are read to know which those are. */
async function latestReports(tenantId: string, plans: PlanStore): Promise<readonly Plan[]> {
  const found: Plan[] = [];
  let after: string | undefined;
  do {
    const page = await plans.list(tenantId, { name: REPORT_PLAN }, PAGE, after);
    found.push(...page.items);
    after = page.after;
  } while (after !== undefined);
  return found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

function summary({ id, state, requestedBy, createdAt, finishedAt }: Plan) {
  const status = hasEnded({ state }) ? 'complete' : 'running';
  return { id, status, requestedBy, createdAt, generatedAt: finishedAt, href: reportHref(id) };
}
