import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../orchestration/model/caller.ts';
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

/** Probes the stores only. All other components have failed with the error `why`. */
export async function checkWithoutAgents(
  { actor: { tenantId } }: Caller,
  why: DomainError,
  deps: HealthDeps,
): Promise<HealthReport> {
  const [direct, servers] = await Promise.all([probeStores(tenantId, deps), readServersPart(tenantId, deps)]);
  return healthReport({ ...failedComponents(why), ...direct }, servers, deps.clock.now());
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
  let { components, isComplete } = await answersOf(begun.value, deps);
  for (let pauseMs = FIRST_PAUSE_MS; !isComplete; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LAST_PAUSE_MS)) {
    const leftMs = endAt - performance.now();
    if (leftMs < pauseMs) break;
    await delay(pauseMs);
    const now = await withTimeout(readAnswers(begun.value, deps), leftMs);
    if (now) ({ components, isComplete } = now);
  }
  const late = Object.fromEntries(
    begun.value.steps
      .filter(({ id }) => !(id in components))
      .map(({ id, agent, task }): [string, Component] => {
        const message = `${agent} has not answered within the ${withinMs / 1000} seconds of this check; its own timeout is longer`;
        return [id, { status: 'degraded', agent, task, error: { kind: 'timeout', message } }];
      }),
  );
  return { components: { ...components, ...late }, isComplete };
}

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

/** Reads the answers from the rows; undefined while they cannot be read. */
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
