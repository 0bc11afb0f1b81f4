import type * as z from 'zod';
import { isPermitted, type Permission } from '../../identity/access/permissions.ts';
import { fail, invalidBySchema, type Result, succeed } from '../../platform/base/result.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import { beginPlan, beginPooledPlan, planStart } from '../engine/beginPlan.ts';
import { checkSession } from '../engine/checkSession.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import type { Agent } from '../model/agents.ts';
import { type Caller, idFor } from '../model/caller.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import type { OperationName } from '../pools/operations.ts';
import type { ContentRules } from '../servers/recordContent.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';

export interface RegistrationDeps extends OrchestrationDeps, ContentRules {
  readonly servers: ServerStore;
}

export interface NamedPlanRequest {
  readonly input?: unknown;
  readonly sessionId?: string | undefined;
}

/** A plan that callers begin by its name. */
export interface NamedPlan<Deps = RegistrationDeps> {
  readonly name: string;
  readonly description: string;
  /** The permission that it takes beside `plans.write`. */
  readonly permission?: Permission;
  /** Its steps. Those that depend on the input get theirs when the plan begins. */
  readonly steps: readonly StepDefinition[];
  /** Begins the plan. It does not search for a plan that an earlier sending of the same request began. */
  readonly begin: (request: NamedPlanRequest, caller: Caller, deps: Deps) => Promise<Result<Plan>>;
}

interface PlanDefinition<Input> extends Omit<NamedPlan, 'begin'> {
  readonly input: z.ZodType<Input>;
  readonly begin: (input: Input, caller: Caller, deps: RegistrationDeps) => Promise<Result<Plan>>;
}

/** Defines a plan that takes input. `begin` of the returned plan also fails with `invalid`, where the input breaks the schema. */
export function definePlan<Input>({ input: schema, begin, ...plan }: PlanDefinition<Input>): NamedPlan {
  return {
    ...plan,
    async begin({ input = {} }, caller, deps) {
      const parsed = schema.safeParse(input);
      if (parsed.success) return begin(parsed.data, caller, deps);
      return invalidBySchema(parsed.error, 'the input', ['input']);
    },
  };
}

interface FixedPlan<Input> {
  readonly name: string;
  readonly description: string;
  readonly gate?: string;
  readonly steps: readonly StepDefinition[];
  /** What the plan holds of the resource pools until it ends. Absent: nothing. */
  readonly load?: { readonly operation: OperationName; readonly estimatedLoad: object };
  /** The input of the plan, and what its steps get of it. Absent: the plan takes no input. */
  readonly input?: {
    readonly schema: z.ZodType<Input>;
    readonly stepInputs: (input: Input) => Readonly<Record<string, StepInput>>;
  };
}

/** Defines a plan whose steps are always the same. It may run in a session of the caller. */
export function defineFixedPlan<Input>({
  name,
  description,
  gate,
  steps: fixed,
  load,
  input: taken,
}: FixedPlan<Input>): NamedPlan<OrchestrationDeps> {
  const grantedBy = gate === undefined ? `plan ${name}` : `quality gate ${gate}`;
  return {
    name,
    description,
    steps: fixed,
    async begin({ sessionId, input = {} }, caller, deps) {
      const parsed = taken?.schema.safeParse(input);
      if (parsed?.success === false) return invalidBySchema(parsed.error, 'the input', ['input']);
      const steps = taken && parsed ? withInputs(fixed, taken.stepInputs(parsed.data)) : fixed;
      const session = await checkSession(sessionId, caller, deps.sessions);
      if (!session.ok) return session;
      const head = { name, gate, grantedBy, session: session.value };
      if (load) return beginPooledPlan({ ...head, ...load, steps: () => steps }, caller, deps);
      return succeed(await beginPlan(planStart(head, caller, idFor(caller, deps.newId)), steps, deps));
    },
  };
}

/**
 * Begins a named plan. `noun` names its kind in errors. Failures: those of the plan; `not_found` while no agent has one of its
 * tasks; `forbidden` where the caller lacks its permission.
 */
export async function beginNamedPlan<Deps>(
  plan: NamedPlan<Deps>,
  request: NamedPlanRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: Deps,
  noun = 'plan',
): Promise<Result<Plan>> {
  const missing = missingTasks(plan, catalogue);
  if (missing.length > 0) {
    const message = `the ${noun} "${plan.name}" cannot run yet: no agent has these tasks: ${missing.join(', ')}`;
    return fail({ kind: 'not_found', message });
  }
  if (plan.permission !== undefined && !isPermitted(caller.actor, plan.permission))
    return adminOnly('this plan');
  return plan.begin(request, caller, deps);
}

/** Returns the tasks of a plan that no agent has. A plan without any can run. */
export const missingTasks = (
  { steps }: Pick<NamedPlan, 'steps'>,
  catalogue: TaskCatalogue,
): readonly string[] =>
  steps.filter(({ agent, task }) => !catalogue.find(agent, task)).map(({ task }) => task);

export const adminOnly = (what: string): Result<never> =>
  fail({ kind: 'forbidden', message: `${what} takes the role Gateway.Admin` });

/** Returns a step that has the name of its task. */
export const step = (task: string, agent: Agent, more: Partial<StepDefinition> = {}): StepDefinition => ({
  id: task,
  agent,
  task,
  input: {},
  ...more,
});

type StepInput = Partial<Pick<StepDefinition, 'input' | 'references' | 'compensation'>>;

/** Returns the steps with inputs for some of them, by the ids of the steps. */
export const withInputs = (
  steps: readonly StepDefinition[],
  inputs: Readonly<Record<string, StepInput>>,
): readonly StepDefinition[] => steps.map((each) => ({ ...each, ...inputs[each.id] }));
