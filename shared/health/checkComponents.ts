import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../orchestration/model/caller.ts';
import { HEALTH_PLAN, namedPlans } from '../orchestration/plans/namedPlans.ts';
import type { Plan } from '../orchestration/model/plan.ts';
import { delegationIdOf } from '../orchestration/model/planProgress.ts';
import { type PlanDeps, requestPlan } from '../orchestration/plans/requestPlan.ts';
import type { TaskCatalogue } from '../orchestration/tasks/taskCatalogue.ts';
import { type DomainError, InfrastructureError } from '../platform/base/errors.ts';
import { type Result, fail } from '../platform/base/result.ts';
import { directLooks } from './directLooks.ts';
import {
  type Component,
  type Components,
  type HealthReport,
  componentOf,
  healthReport,
} from './healthReport.ts';
import { inTime } from './inTime.ts';

export interface HealthDeps extends PlanDeps {
  readonly tasks: () => Promise<TaskCatalogue>;
}

/** What a look found, and whether all have answered or had their time. */
export interface Look {
  readonly report: HealthReport;
  readonly isComplete: boolean;
}

const FIRST_PAUSE_MS = 25;
const PAUSE_GROWTH = 1.5;
const LAST_PAUSE_MS = 400;

/**
 * Looks at the whole system: each agent at its part, by the plan, and this instance at storage and state, by itself. Takes
 * `withinMs` at most and never throws for a part that is away: where the plan cannot run, its components say why.
 */
export async function lookAtHealth(caller: Caller, withinMs: number, deps: HealthDeps): Promise<Look> {
  const endAt = performance.now() + withinMs;
  const [direct, byAgents] = await Promise.all([
    directLooks(caller.principal.tenantId, deps),
    lookByAgents(caller, endAt, withinMs, deps),
  ]);
  const components = { ...byAgents.components, ...direct };
  return { report: healthReport(components, deps.clock.now()), isComplete: byAgents.isComplete };
}

/** What this instance sees by itself, where the agents are not asked. `why` is what is said of the other components. */
export async function lookWithoutAgents(
  { principal: { tenantId } }: Caller,
  why: DomainError,
  deps: HealthDeps,
): Promise<HealthReport> {
  const direct = await directLooks(tenantId, deps);
  return healthReport({ ...unseen(why, deps), ...direct }, deps.clock.now());
}

interface Answers {
  readonly components: Components;
  readonly isComplete: boolean;
}

async function lookByAgents(
  caller: Caller,
  endAt: number,
  withinMs: number,
  deps: HealthDeps,
): Promise<Answers> {
  const begun = await begin(caller, withinMs, deps);
  if (!begun.ok) return { components: unseen(begun.error, deps), isComplete: true };
  let { components, isComplete } = await answersOf(begun.value, deps);
  for (let pauseMs = FIRST_PAUSE_MS; !isComplete; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LAST_PAUSE_MS)) {
    const leftMs = endAt - performance.now();
    if (leftMs < pauseMs) break;
    await delay(pauseMs);
    const now = await inTime(readAnswers(begun.value, deps), leftMs);
    if (now) ({ components, isComplete } = now);
  }
  const late = Object.fromEntries(
    begun.value.steps
      .filter(({ id }) => !(id in components))
      .map(({ id, agent, task }): [string, Component] => {
        const message = `${agent} has not answered after ${withinMs / 1000} seconds, and has more time than that`;
        return [id, { status: 'degraded', agent, task, error: { kind: 'timeout', message } }];
      }),
  );
  return { components: { ...components, ...late }, isComplete };
}

/** Begins the plan. What keeps it from beginning is its failure, an outage too. */
async function begin(caller: Caller, withinMs: number, deps: HealthDeps): Promise<Result<Plan>> {
  try {
    const asked = requestPlan({ name: HEALTH_PLAN }, caller, await deps.tasks(), deps);
    return (
      (await inTime(asked, withinMs)) ??
      fail({ kind: 'timeout', message: `the look could not be begun within ${withinMs / 1000} seconds` })
    );
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    deps.log.error('health_look_failed', { component: HEALTH_PLAN }, error);
    const message = 'the look could not be begun: a part that the gateway stands on does not answer';
    return fail({ kind: 'unavailable', message });
  }
}

/** The components of a plan that could not be begun. */
function unseen({ kind, message }: DomainError, { gates }: HealthDeps): Components {
  const steps = namedPlans(gates).find(({ name }) => name === HEALTH_PLAN)?.steps ?? [];
  return Object.fromEntries(
    steps.map(({ id, agent, task }): [string, Component] => [
      id,
      { status: 'failed', agent, task, error: { kind, message } },
    ]),
  );
}

/** As the rows have it now; undefined while they cannot be read. */
async function readAnswers(plan: Plan, deps: HealthDeps): Promise<Answers | undefined> {
  try {
    const stored = await deps.plans.find(plan.tenantId, plan.id);
    return stored && (await answersOf(stored.value, deps));
  } catch (error) {
    if (error instanceof InfrastructureError) return undefined;
    throw error;
  }
}

async function answersOf(plan: Plan, { delegations, clock }: HealthDeps): Promise<Answers> {
  const known = await Promise.all(
    plan.steps.map(async (step): Promise<[string, Component][]> => {
      const delegation =
        step.state === 'succeeded'
          ? (await delegations.find(plan.tenantId, delegationIdOf(plan, step.id)))?.value
          : undefined;
      const component = componentOf(step, delegation, clock.now());
      return component ? [[step.id, component]] : [];
    }),
  );
  const components = Object.fromEntries(known.flat());
  return { components, isComplete: Object.keys(components).length === plan.steps.length };
}
