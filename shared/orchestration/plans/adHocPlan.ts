import { isPermitted } from '../../identity/access/permissions.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Result } from '../../platform/base/result.ts';
import { beginPooledPlan } from '../engine/beginPlan.ts';
import { checkSession } from '../engine/checkSession.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import type { Caller } from '../model/caller.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { askRefusal } from '../tasks/resultAccess.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { planSteps, type StepRequest } from './adHocSteps.ts';
import { adminOnly } from './namedPlan.ts';

interface AdHocRequest {
  readonly name?: string | undefined;
  readonly steps: readonly StepRequest[];
  readonly sessionId?: string | undefined;
}

/**
 * Begins a plan of the caller's own steps. Failures, before anything is stored: `forbidden` without the permission
 * `plans.compose` or that of a result; `invalid`, `too_large` steps; `not_found` session; `exhausted` pools.
 */
export async function beginAdHocPlan(
  { name = 'ad_hoc', steps, sessionId }: AdHocRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: OrchestrationDeps,
): Promise<Result<Plan>> {
  if (!isPermitted(caller.actor, 'plans.compose')) return adminOnly("a plan of one's own");
  const checked = planSteps(steps, catalogue);
  if (!checked.ok) return checked;
  const refused = stepRefusal(checked.value, caller, catalogue, deps.operatorTenant);
  if (refused) return fail(refused);
  const session = await checkSession(sessionId, caller, deps.sessions);
  if (!session.ok) return session;
  const plan = {
    name,
    session: session.value,
    operation: 'plan',
    estimatedLoad: { stepCount: steps.length },
    steps: () => checked.value,
  } as const;
  return beginPooledPlan(plan, caller, deps);
}

/** Returns why the caller may not ask for these steps and compensations, or `undefined` where all of them are permitted. */
function stepRefusal(
  steps: readonly StepDefinition[],
  { actor }: Pick<Caller, 'actor'>,
  catalogue: TaskCatalogue,
  operatorTenant: string,
): DomainError | undefined {
  const works = steps.flatMap((step) => (step.compensation ? [step, step.compensation] : [step]));
  return works
    .flatMap(({ agent, task }) => catalogue.find(agent, task) ?? [])
    .map((task) => askRefusal(task, actor, operatorTenant))
    .find((refused) => refused !== undefined);
}
