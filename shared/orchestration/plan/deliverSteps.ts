import type { Delegation } from '../delegation/delegation.ts';
import { sendMessage } from '../delegation/sendMessage.ts';
import type { OrchestrationDeps } from '../deps.ts';
import type { Outcome } from '../delegation/outcome.ts';
import { type Plan, type PlanStep, delegationIdOf, queuedSteps } from './plan.ts';
import { resolveReferences } from './references.ts';

/** How long a step may take, waiting and repetitions included. */
const STEP_DEADLINE_MS = 10 * 60_000;

/** Makes sure that each queued step of the plan has its delegation. Safe to repeat: a delegation that is there is left alone. */
export async function deliverSteps(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const queued = queuedSteps(plan);
  const outcomes = await outcomesOf(plan, new Set(queued.flatMap(({ dependsOn }) => dependsOn)), deps);
  await Promise.all(
    queued.map(async (step) => {
      const input = resolveReferences(step.input, (id) => outcomes.get(id));
      const delegation = delegationFor(plan, { ...step, input }, deps.clock.now());
      if ((await deps.delegations.add(delegation)) === 'inserted') await sendMessage(delegation, deps);
    }),
  );
}

/** What came of some steps, by their ids; those that have not ended are left out. */
export async function outcomesOf(
  plan: Plan,
  stepIds: ReadonlySet<string>,
  { delegations }: Pick<OrchestrationDeps, 'delegations'>,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  await Promise.all(
    plan.steps
      .filter(({ id }) => stepIds.has(id))
      .map(async (step) => {
        const delegation = await delegations.find(plan.tenantId, delegationIdOf(plan, step));
        if (delegation?.value.outcome) outcomes.set(step.id, delegation.value.outcome);
      }),
  );
  return outcomes;
}

function delegationFor(plan: Plan, step: PlanStep, now: Date): Delegation {
  const at = now.toISOString();
  return {
    id: delegationIdOf(plan, step),
    tenantId: plan.tenantId,
    agent: step.agent,
    task: step.task,
    input: step.input,
    requestingAgent: 'mcp-orchestrator',
    planId: plan.id,
    stepId: step.id,
    traceparent: plan.traceparent,
    state: 'queued',
    attempt: 1,
    attempts: 0,
    sentAt: at,
    deadline: new Date(now.getTime() + STEP_DEADLINE_MS).toISOString(),
    createdAt: at,
  };
}
