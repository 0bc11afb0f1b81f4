import type { Outcome } from './delegation.ts';
import { hasEnded, type Plan, type PlanStep, type StepDefinition, type StepError } from './plan.ts';

export type PlanStart = Omit<
  Plan,
  'state' | 'steps' | 'revision' | 'createdAt' | 'updatedAt' | 'finishedAt' | 'cancelled'
>;

/** Returns a new plan, in which the steps that can begin are queued. */
export function startPlan(start: PlanStart, definitions: readonly StepDefinition[], now: Date): Plan {
  const at = now.toISOString();
  const steps = definitions.map(({ compensation, ...definition }): PlanStep => ({
    dependsOn: [],
    severity: 'critical',
    onFailure: 'stop',
    references: [],
    ...definition,
    ...(compensation && { compensation: { references: [], ...compensation, state: 'waiting' } }),
    state: 'waiting',
  }));
  return settle({ ...start, state: 'running', revision: 1, steps, createdAt: at, updatedAt: at }, now);
}

/**
 * Returns the plan after the outcome of a step or a compensation. If that is not queued, the outcome comes late or twice, and
 * the same plan is returned.
 */
export function recordOutcome(plan: Plan, workId: string, outcome: Outcome, now: Date): Plan {
  const queued = queuedWork(plan).find(({ id }) => id === workId);
  if (!queued) return plan;
  const ended = queued.compensates
    ? compensated(queued.step, outcome)
    : finished(plan, queued.step, outcome, now);
  return settle({ ...withStep(plan, ended), ...changedAt(plan, now) }, now);
}

/** Returns the plan after its cancellation. A plan that is ending or has ended is returned as it is. */
export function cancel(plan: Plan, now: Date): Plan {
  if (plan.state !== 'running' || plan.cancelled) return plan;
  return settle({ ...plan, ...changedAt(plan, now), cancelled: true }, now);
}

/** A queued step or compensation. Its delegation must exist: the plan's row records it, so that a crash loses none. */
export interface QueuedWork {
  /** The id of the step or of its compensation. Ids of steps contain no dash. */
  readonly id: string;
  readonly step: PlanStep;
  readonly compensates: boolean;
}

export const compensationId = (stepId: string): string => `${stepId}-undo`;

/** Returns the ids of all steps and compensations that a plan may have delegated. */
export const workIdsOf = (plan: Plan): readonly string[] =>
  plan.steps.flatMap(({ id, compensation }) => (compensation ? [id, compensationId(id)] : [id]));

export function queuedWork(plan: Plan): readonly QueuedWork[] {
  return plan.steps.flatMap((step): QueuedWork[] => {
    if (step.state === 'queued') return [{ id: step.id, step, compensates: false }];
    if (step.compensation?.state !== 'queued') return [];
    return [{ id: compensationId(step.id), step, compensates: true }];
  });
}

/** Returns the id of a step's delegation. It follows from the plan, so that delegating twice makes one delegation. */
export const delegationIdOf = (plan: Pick<Plan, 'id'>, workId: string): string => `${plan.id}-${workId}`;

/** Returns why the plan failed: the error of the critical step that failed first. */
export function planError(plan: Plan): (StepError & { readonly step: string }) | undefined {
  const [first] = plan.steps
    .filter(({ state, severity }) => state === 'failed' && severity === 'critical')
    .sort((a, b) => (a.ended ?? 0) - (b.ended ?? 0));
  return first?.error && { ...first.error, step: first.id };
}

function finished(plan: Plan, step: PlanStep, outcome: Outcome, now: Date): PlanStep {
  const error = errorOf(outcome);
  return {
    ...step,
    ...(error ? { state: 'failed', error } : { state: 'succeeded' }),
    finishedAt: now.toISOString(),
    ended: 1 + plan.steps.filter(({ ended }) => ended !== undefined).length,
  };
}

function compensated(step: PlanStep, outcome: Outcome): PlanStep {
  if (!step.compensation) return step;
  if (outcome.success) {
    return { ...step, state: 'compensated', compensation: { ...step.compensation, state: 'succeeded' } };
  }
  return { ...step, compensation: { ...step.compensation, state: 'failed', error: outcome.error } };
}

/** Returns the error of a step. A result with `passed: false` is one too: the check ran and did not pass. */
function errorOf(outcome: Outcome): StepError | undefined {
  if (!outcome.success) return outcome.error;
  const { result } = outcome;
  if (typeof result !== 'object' || result === null || !('passed' in result) || result.passed !== false)
    return undefined;
  const said =
    'error' in result && typeof result.error === 'string' ? result.error : 'the check did not pass';
  return { kind: 'not_passed', message: said };
}

const withStep = (plan: Plan, changed: PlanStep): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => (step.id === changed.id ? changed : step)),
});

const changedAt = ({ revision }: Plan, now: Date) => ({
  revision: revision + 1,
  updatedAt: now.toISOString(),
});

/** Queues and skips steps until no more can change, then compensates or ends the plan. */
function settle(plan: Plan, now: Date): Plan {
  const steps = queueReadySteps(plan, now);
  const moved = { ...plan, steps };
  if (steps.some(({ state }) => state === 'waiting' || state === 'queued')) return moved;
  if (!plan.cancelled && planError(moved) === undefined) return end(moved, 'succeeded', now);
  if (steps.some(({ compensation }) => compensation?.state === 'queued')) return moved;
  const [next] = steps
    .filter(({ state, compensation }) => state === 'succeeded' && compensation?.state === 'waiting')
    .sort((a, b) => (b.ended ?? 0) - (a.ended ?? 0));
  if (!next?.compensation) return end(moved, plan.cancelled ? 'cancelled' : 'failed', now);
  const compensation = { ...next.compensation, state: 'queued' as const };
  return { ...withStep(moved, { ...next, compensation }), state: 'compensating' };
}

const end = (plan: Plan, state: Plan['state'], now: Date): Plan =>
  hasEnded(plan) ? plan : { ...plan, state, finishedAt: now.toISOString() };

/** Queues or skips every waiting step that can, and repeats that: a skipped step decides those that depend on it. */
function queueReadySteps(plan: Plan, now: Date): PlanStep[] {
  const halted =
    plan.cancelled === true ||
    plan.steps.some((step) => step.severity === 'critical' && blocks(step) && step.state === 'failed');
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  for (let moved = true; moved;) {
    moved = false;
    for (const step of steps.values()) {
      if (step.state !== 'waiting') continue;
      const needed = step.dependsOn.map((id) => steps.get(id));
      if (halted || needed.some((dependency) => !dependency || blocks(dependency))) {
        steps.set(step.id, { ...step, state: 'skipped' });
        moved = true;
      } else if (needed.every((dependency) => dependency?.ended !== undefined)) {
        steps.set(step.id, { ...step, state: 'queued', queuedAt: now.toISOString() });
      }
    }
  }
  return [...steps.values()];
}

const blocks = ({ state, onFailure }: PlanStep): boolean =>
  state === 'skipped' || (state === 'failed' && onFailure === 'stop');
