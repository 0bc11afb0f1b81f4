import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../orchestration/model/caller.ts';
import type { Delegation } from '../orchestration/model/delegation.ts';
import type { Plan } from '../orchestration/model/plan.ts';
import { delegationIdOf } from '../orchestration/model/planProgress.ts';
import { healthCheckPlan } from '../orchestration/plans/healthCheck.ts';
import { type PlanDeps, requestPlan } from '../orchestration/plans/requestPlan.ts';
import type { TaskCatalogue } from '../orchestration/tasks/taskCatalogue.ts';
import { type DomainError, InfrastructureError } from '../platform/base/errors.ts';
import { fail, type Result } from '../platform/base/result.ts';
import {
  type Component,
  componentOf,
  type Components,
  type HealthReport,
  healthReport,
} from './healthReport.ts';
import { probeStores } from './probeStores.ts';
import { readServersPart } from './serversPart.ts';
import { withTimeout } from './withTimeout.ts';

export interface HealthDeps extends PlanDeps {
  readonly tasks: () => Promise<TaskCatalogue>;
}

/** The result of one check of all components. */
interface ComponentsChecked {
  readonly report: HealthReport;
  /** Whether every component has answered or has reached its timeout. */
  readonly isComplete: boolean;
}

const FIRST_PAUSE_MS = 25;
const PAUSE_GROWTH = 1.5;
const LAST_PAUSE_MS = 400;

/**
 * Checks all components: the agents check their parts as steps of the health plan, and this instance probes the stores. Takes
 * `withinMs` at most and never throws for a part that is down: if the plan cannot run, its components say why.
 */
export async function checkComponents(
  caller: Caller,
  withinMs: number,
  deps: HealthDeps,
): Promise<ComponentsChecked> {
  const endAt = performance.now() + withinMs;
  const [direct, servers, byAgents] = await Promise.all([
    probeStores(caller.actor.tenantId, deps),
    readServersPart(caller.actor.tenantId, deps),
    checkByAgents(caller, endAt, withinMs, deps),
  ]);
  const components = { ...byAgents.components, ...direct };
  return { report: healthReport(components, servers, deps.clock.now()), isComplete: byAgents.isComplete };
}

interface Answers {
  readonly components: Components;
  readonly isComplete: boolean;
}

async function checkByAgents(
  caller: Caller,
  endAt: number,
  withinMs: number,
  deps: HealthDeps,
): Promise<Answers> {
  const begun = await beginPlan(caller, withinMs, deps);
  if (!begun.ok) return { components: failedComponents(begun.error), isComplete: true };
  const leftMs = () => Math.max(0, endAt - performance.now());
  let rows: Rows = { plan: begun.value, delegations: new Map() };
  let answers = answersOf(rows, deps.clock.now());
  for (let pauseMs = FIRST_PAUSE_MS; !answers.isComplete; pauseMs = nextPauseMs(pauseMs)) {
    if (leftMs() === 0) break;
    await delay(Math.min(pauseMs, leftMs()));
    rows = (await withTimeout(readRows(begun.value, deps), leftMs())) ?? rows;
    // Time passes also while the rows cannot be read: a step reaches its timeout by the clock alone.
    answers = answersOf(rows, deps.clock.now());
  }
  const { components, isComplete } = answers;
  const late = Object.fromEntries(
    begun.value.steps
      .filter(({ id }) => !(id in components))
      .map(({ id, agent, task }): [string, Component] => {
        const message = `${agent} has not answered within the ${Math.round(withinMs / 100) / 10} seconds of this check; its own timeout is longer`;
        return [id, { status: 'degraded', agent, task, error: { kind: 'timeout', message } }];
      }),
  );
  return { components: { ...components, ...late }, isComplete };
}

const nextPauseMs = (pauseMs: number): number => Math.min(pauseMs * PAUSE_GROWTH, LAST_PAUSE_MS);

/** Starts the plan. Returns a failure also if a store is down. */
async function beginPlan(caller: Caller, withinMs: number, deps: HealthDeps): Promise<Result<Plan>> {
  try {
    const requested = requestPlan({ name: healthCheckPlan.name }, caller, await deps.tasks(), deps);
    return (
      (await withTimeout(requested, withinMs)) ??
      fail({ kind: 'timeout', message: `the health check could not start within ${withinMs / 1000} seconds` })
    );
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    deps.log.error('health_check_failed', { component: healthCheckPlan.name }, error);
    const message = 'the health check could not start: a store or queue of the gateway does not answer';
    return fail({ kind: 'unavailable', message });
  }
}

/** The components of a plan that could not start. */
function failedComponents({ kind, message }: DomainError): Components {
  return Object.fromEntries(
    healthCheckPlan.steps.map(({ id, agent, task }): [string, Component] => [
      id,
      { status: 'failed', agent, task, error: { kind, message } },
    ]),
  );
}

/** The rows of a health check, with the delegations of the steps that have succeeded by step id. */
interface Rows {
  readonly plan: Plan;
  readonly delegations: ReadonlyMap<string, Delegation>;
}

/** Reads the rows of a plan; undefined while they cannot be read. */
async function readRows({ tenantId, id }: Plan, deps: HealthDeps): Promise<Rows | undefined> {
  try {
    const plan = (await deps.plans.find(tenantId, id))?.value;
    if (!plan) return undefined;
    const succeeded = plan.steps.filter(({ state }) => state === 'succeeded');
    const found = await Promise.all(
      succeeded.map(async (step): Promise<[string, Delegation][]> => {
        const delegation = await deps.delegations.find(tenantId, delegationIdOf(plan, step.id));
        return delegation ? [[step.id, delegation.value]] : [];
      }),
    );
    return { plan, delegations: new Map(found.flat()) };
  } catch (error) {
    if (error instanceof InfrastructureError) return undefined;
    throw error;
  }
}

function answersOf({ plan, delegations }: Rows, now: Date): Answers {
  const known = plan.steps.flatMap((step): [string, Component][] => {
    const component = componentOf(step, delegations.get(step.id), now);
    return component ? [[step.id, component]] : [];
  });
  return { components: Object.fromEntries(known), isComplete: known.length === plan.steps.length };
}
