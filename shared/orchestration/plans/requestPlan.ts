import { z } from 'zod';
import { isPermitted } from '../../identity/access/permissions.ts';
import { type Result, fail } from '../../platform/base/result.ts';
import type { Caller } from '../model/caller.ts';
import { checkSession } from '../engine/checkSession.ts';
import { runGate } from './runGate.ts';
import type { QualityGates } from './qualityGates.ts';
import { unknownName } from '../model/unknownName.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { beginOnce } from '../engine/beginPlan.ts';
import { type PooledPlan, beginWithinPools } from '../engine/beginWithinPools.ts';
import { missingTasks, namedPlans } from './namedPlans.ts';
import type { Plan } from '../model/plan.ts';
import { planSteps, stepRefusal, stepRequestsSchema } from './adHocSteps.ts';
import type { RegistrationDeps } from './registerServer.ts';
import { serverPlans } from './serverPlans.ts';
import { systemPlans } from './systemPlans.ts';

/** A plan by its name, or an administrator's own by its steps. */
export const planRequestSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    input: z.unknown().optional(),
    steps: stepRequestsSchema.optional(),
    sessionId: z.string().max(100).optional(),
  })
  .refine(({ name, steps }) => name !== undefined || steps !== undefined, {
    error: 'give either name or steps',
  })
  .refine(({ input, steps }) => input === undefined || steps === undefined, {
    error: 'steps have inputs of their own',
    path: ['input'],
  });
export type PlanRequest = z.infer<typeof planRequestSchema>;

export interface PlanDeps extends RegistrationDeps {
  readonly gates: QualityGates;
}

/**
 * Begins a plan. Failures, before anything is stored: `not_found` for a name that is not known or whose tasks nobody can
 * carry out yet; `invalid` steps or input; `forbidden` for steps of the caller's own whose results the caller may not read;
 * `exhausted` pools; and those of what the plan does.
 */
export function requestPlan(
  request: PlanRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: PlanDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, () => begin(request, caller, catalogue, deps));
}

async function begin(
  { name, input, steps, sessionId }: PlanRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: PlanDeps,
): Promise<Result<Plan>> {
  if (steps === undefined) return beginNamed({ name: name ?? '', input, sessionId }, caller, catalogue, deps);
  if (!isPermitted(caller.principal, 'plans.compose')) return forbidden("a plan of one's own");
  const checked = planSteps(steps, catalogue);
  if (!checked.ok) return checked;
  const refused = stepRefusal(checked.value, caller, catalogue, deps.operatorTenant);
  if (refused) return fail(refused);
  const session = await checkSession(sessionId, caller, deps.sessions);
  if (!session.ok) return session;
  const plan: PooledPlan = {
    name: name ?? 'ad_hoc',
    session: session.value,
    operation: 'plan',
    estimatedLoad: { stepCount: steps.length },
    steps: () => checked.value,
  };
  return beginWithinPools(plan, caller, deps);
}

async function beginNamed(
  {
    name,
    input,
    sessionId,
  }: { readonly name: string; readonly input: unknown; readonly sessionId: string | undefined },
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: PlanDeps,
): Promise<Result<Plan>> {
  const known = namedPlans(deps.gates);
  const plan = known.find((candidate) => candidate.name === name);
  if (!plan) {
    return fail(
      unknownName(
        'plan',
        name,
        known.map((candidate) => candidate.name),
      ),
    );
  }
  if (Object.hasOwn(deps.gates, name)) return runGate({ gate: name, sessionId }, caller, catalogue, deps);
  const missing = missingTasks(plan, catalogue);
  if (missing.length > 0) {
    const message = `the plan "${name}" cannot run yet: nobody can carry out ${missing.join(', ')}`;
    return fail({ kind: 'not_found', message });
  }
  const beginLook = Object.hasOwn(systemPlans, name) ? systemPlans[name] : undefined;
  if (beginLook) {
    const session = await checkSession(sessionId, caller, deps.sessions);
    return session.ok ? beginLook(plan, session.value, caller, deps) : session;
  }
  const beginChange = Object.hasOwn(serverPlans, name) ? serverPlans[name] : undefined;
  if (!beginChange)
    return fail({ kind: 'not_found', message: `the plan "${name}" has no way to be begun yet` });
  if (!isPermitted(caller.principal, 'servers.write')) return forbidden('this plan');
  return beginChange(input ?? {}, caller, deps);
}

const forbidden = (what: string) =>
  fail({ kind: 'forbidden', message: `${what} takes the role Gateway.Admin` });
