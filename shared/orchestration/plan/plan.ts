import { z } from 'zod';
import { agentNames } from '../agents.ts';
import { type Outcome, taskErrorSchema } from '../delegation/outcome.ts';

/**
 * A plan is a graph of steps, each a delegation. A step waits until those that it depends on have ended, is then
 * queued, and ends with its delegation; it is skipped when one that it needs did not succeed. Results stay with the
 * delegations: a plan's row must not grow with them.
 */
const stepSchema = z.object({
  id: z.string(),
  agent: z.enum(agentNames),
  task: z.string(),
  /** May hold references to outcomes of other steps: see `references.ts`. */
  input: z.unknown(),
  dependsOn: z.array(z.string()),
  /** `stop`: those that depend on it are skipped when it fails. `continue`: they run, and see its outcome. */
  onFailure: z.enum(['stop', 'continue']),
  state: z.enum(['waiting', 'queued', 'succeeded', 'failed', 'skipped']),
  error: taskErrorSchema.optional(),
});
export type PlanStep = z.infer<typeof stepSchema>;
export type PlanStepDefinition = Omit<PlanStep, 'state' | 'error'>;

export const planSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  state: z.enum(['running', 'succeeded', 'failed']),
  steps: z.array(stepSchema),
  requestedBy: z.string(),
  traceparent: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
});
export type Plan = z.infer<typeof planSchema>;

export type PlanStart = Pick<Plan, 'id' | 'tenantId' | 'name' | 'requestedBy' | 'traceparent'>;

/** A new plan with the steps that can begin already queued. */
export function startPlan(start: PlanStart, steps: readonly PlanStepDefinition[], now: Date): Plan {
  const at = now.toISOString();
  const waiting = steps.map((step): PlanStep => ({ ...step, state: 'waiting' }));
  return settle({ ...start, state: 'running', steps: waiting, createdAt: at, updatedAt: at }, now);
}

/** The plan once a step has ended. An outcome for a step that is not queued comes late or twice: the plan stays as it is. */
export function recordOutcome(plan: Plan, stepId: string, outcome: Outcome, now: Date): Plan {
  if (plan.steps.find((step) => step.id === stepId)?.state !== 'queued') return plan;
  const ended = outcome.success
    ? ({ state: 'succeeded' } as const)
    : ({ state: 'failed', error: outcome.error } as const);
  const steps = plan.steps.map((step) => (step.id === stepId ? { ...step, ...ended } : step));
  return settle({ ...plan, steps, updatedAt: now.toISOString() }, now);
}

/** The steps whose delegations must exist: with the plan's row as their record, none is lost when a sender dies. */
export const queuedSteps = (plan: Plan): readonly PlanStep[] =>
  plan.steps.filter(({ state }) => state === 'queued');

/** The id of a step's delegation follows from the plan, so that a step delegated twice is one delegation. */
export const delegationIdOf = (plan: Plan, step: PlanStep): string => `${plan.id}-${step.id}`;

/** Queues and skips steps until nothing more follows, then ends the plan if all its steps have ended. */
function settle(plan: Plan, now: Date): Plan {
  let steps = plan.steps;
  for (let before: readonly PlanStep[] = []; before !== steps;) {
    before = steps;
    steps = moveOn(steps);
  }
  if (steps.some(({ state }) => state === 'waiting' || state === 'queued')) return { ...plan, steps };
  const succeeded = steps.every(({ state }) => state === 'succeeded');
  return { ...plan, steps, state: succeeded ? 'succeeded' : 'failed', finishedAt: now.toISOString() };
}

/** Moves each waiting step whose dependencies have ended; the same array when there is none. */
function moveOn(steps: PlanStep[]): PlanStep[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const moved = steps.map((step): PlanStep => {
    if (step.state !== 'waiting') return step;
    const needed = step.dependsOn.map((id) => byId.get(id));
    if (needed.some((dependency) => dependency === undefined || blocks(dependency)))
      return { ...step, state: 'skipped' };
    return needed.every((dependency) => dependency?.state === 'succeeded' || dependency?.state === 'failed')
      ? { ...step, state: 'queued' }
      : step;
  });
  return moved.some((step, index) => step !== steps[index]) ? moved : steps;
}

const blocks = (step: PlanStep): boolean =>
  step.state === 'skipped' || (step.state === 'failed' && step.onFailure === 'stop');
