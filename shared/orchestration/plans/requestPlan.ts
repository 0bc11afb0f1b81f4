import * as z from 'zod';
import { fail, type Result } from '../../platform/base/result.ts';
import { beginOnce } from '../engine/beginPlan.ts';
import type { Caller } from '../model/caller.ts';
import type { Plan } from '../model/plan.ts';
import { unknownName } from '../model/unknownName.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { beginAdHocPlan } from './adHocPlan.ts';
import { stepRequestsSchema } from './adHocSteps.ts';
import { beginNamedPlan, type NamedPlanRequest, type RegistrationDeps } from './namedPlan.ts';
import { namedPlans } from './namedPlans.ts';
import { gatePlan, type QualityGates } from './qualityGates.ts';

/** A named plan, or an ad hoc plan of an administrator's own steps. */
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
 * Begins a plan. Failures, before anything is stored: `not_found` for an unknown name and for a plan with a task that no agent
 * has; `invalid` steps or input; `forbidden` for the caller's own steps with results that the caller may not read; `exhausted`
 * pools; and those of the plan itself.
 */
export function requestPlan(
  { steps, name, ...request }: PlanRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: PlanDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, () =>
    steps === undefined
      ? beginByName(name ?? '', request, caller, catalogue, deps)
      : beginAdHocPlan({ steps, name, sessionId: request.sessionId }, caller, catalogue, deps),
  );
}

async function beginByName(
  name: string,
  request: NamedPlanRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: PlanDeps,
): Promise<Result<Plan>> {
  const known = namedPlans(deps.gates);
  const checks = Object.hasOwn(deps.gates, name) ? deps.gates[name] : undefined;
  // A gate of the settings may have the name of a plan. Then it replaces the plan.
  const plan = checks ? gatePlan(name, checks) : known.find((candidate) => candidate.name === name);
  if (plan) return beginNamedPlan(plan, request, caller, catalogue, deps);
  const names = known.map((candidate) => candidate.name);
  return fail(unknownName('plan', name, names));
}
