import * as z from 'zod';
import type { Delegation } from '../../shared/orchestration/model/delegation.ts';
import { failedCheck, gateStatus, hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';
import { missingChecks, runGate } from '../../shared/orchestration/plans/qualityGates.ts';
import { shownError, type WithheldOf } from '../../shared/orchestration/tasks/resultAccess.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { delegationsOf } from './delegationsOf.ts';
import { pageParameters, readPage, readQuery, spanShape } from './paging.ts';
import { privileged } from './privileged.ts';
import { askerOf, followPlan, readById, waitParameter } from './wait.ts';

const runHref = (gate: string, id: string): string => `/quality-gates/${gate}/runs/${id}`;

const runSchema = z.strictObject({ sessionId: z.string().max(100).optional() });
const spanSchema = z.object(spanShape);
type RunRequest = z.infer<typeof runSchema>;

/** Quality gates, and their runs in the caller's tenant. Every run is kept, with the evidence of its checks. */
export function qualityGateRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { plans, delegations, gates } = deps;

  const list: Route = {
    name: 'quality-gates',
    method: 'GET',
    path: 'quality-gates',
    permission: 'plans.read',
    async handle() {
      const catalogue = await deps.tasks();
      const items = Object.entries(gates).map(([gate, checks]) => {
        const missing = missingChecks(checks, catalogue);
        const shown = checks.map(({ check, agent, severity }) => ({ check, agent, severity }));
        return { gate, available: missing.length === 0, missing, checks: shown };
      });
      return succeed({ status: 200, body: { items } });
    },
  };

  const run: Route<RunRequest> = {
    name: 'quality-gates-run',
    method: 'POST',
    path: 'quality-gates/{gate}/runs',
    permission: 'delegations.write',
    query: waitParameter,
    isResumable: true,
    body: runSchema,
    bodyWhenAbsent: {},
    async handle(call): Promise<Result<Answer>> {
      const { gate = '' } = call.params;
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const begun = await runGate({ gate, ...call.body }, asker.value.caller, await deps.tasks(), deps);
      if (!begun.ok) return begun;
      const plan = await followPlan(begun.value, asker.value, plans);
      const location = runHref(gate, plan.id);
      const found = await delegationsOf(plan, delegations);
      const shown = view(plan, found, await withheldFor(call.actor, deps));
      return succeed({ status: 202, headers: { location }, body: { ...shown, href: location } });
    },
  };

  const listRuns: Route = {
    name: 'quality-gates-runs',
    method: 'GET',
    path: 'quality-gates/{gate}/runs',
    permission: 'plans.read',
    query: [...pageParameters, ...Object.keys(spanShape)],
    async handle({ actor, params: { gate = '' }, query }) {
      const span = readQuery(query, spanSchema);
      if (!span.ok) return span;
      const filter = { ...span.value, gate };
      return readPage(
        `qualityGates ${gate}`,
        query,
        (limit, after) => plans.list(actor.tenantId, filter, limit, after),
        summary,
      );
    },
  };

  const getRun: Route = {
    name: 'quality-gates-runs-get',
    method: 'GET',
    path: 'quality-gates/{gate}/runs/{id}',
    permission: 'plans.read',
    query: waitParameter,
    async handle(call) {
      const { gate = '', id = '' } = call.params;
      const found = await readById(call, 'run', (tenantId, run) => plans.find(tenantId, run), hasEnded);
      if (!found.ok) return found;
      if (found.value.gate !== gate)
        return fail({ kind: 'not_found', message: `the gate "${gate}" has no run "${id}"` });
      const plan = found.value;
      const withheldOf = await withheldFor(call.actor, deps);
      return succeed({ status: 200, body: view(plan, await delegationsOf(plan, delegations), withheldOf) });
    },
  };

  return [
    list,
    privileged(run, 'quality_gates.run', ({ params: { gate = '' } }) => `quality-gates/${gate}`, deps.audit),
    listRuns,
    getRun,
  ];
}

function summary(plan: Plan) {
  const { id, gate, requestedBy, createdAt, finishedAt } = plan;
  return {
    id,
    gate,
    status: gateStatus(plan),
    failedCheck: failedCheck(plan),
    requestedBy,
    createdAt,
    finishedAt,
  };
}

/**
 * Returns a run with the verdicts so far. A check without a verdict has not ended, or did not run after a check that did not
 * pass. Every reader sees the verdicts. Evidence and error are for readers of the check's result.
 */
function view(plan: Plan, delegations: ReadonlyMap<string, Delegation>, withheldOf: WithheldOf) {
  const ended = plan.steps.filter(({ state }) => state === 'succeeded' || state === 'failed');
  const results = ended.map((step) => {
    const { id, state, severity, agent } = step;
    const withheld = withheldOf(step);
    const evidence = withheld ? undefined : evidenceOf(delegations.get(id));
    const error = step.error && shownError(step.error, withheld).message;
    return [id, { passed: state === 'succeeded', severity, agent, evidence, error, withheld }] as const;
  });
  return { ...summary(plan), results: Object.fromEntries(results) };
}

/** Returns the evidence of a check, or its whole result if the result has no `evidence`. */
function evidenceOf(delegation: Delegation | undefined): unknown {
  if (!delegation?.outcome?.success) return undefined;
  const { result } = delegation.outcome;
  return typeof result === 'object' && result !== null && 'evidence' in result ? result.evidence : result;
}
