import type { Agent } from '../model/agents.ts';
import { claim, type Delegation, finish, fitOutcome, logFieldsOf, retryLater } from '../model/delegation.ts';
import { UNKNOWN_TASK_TIMEOUT_MS } from '../model/limits.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { advancePlan, handleOutcome } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';
import { type DelegationMessage, delegationMessageSchema, sendMessage } from './message.ts';
import { runTask } from './runTask.ts';

/** A row that this instance has claimed. */
interface Claimed {
  readonly delegation: Delegation;
  readonly etag: string;
}

/**
 * Handles one message of an agent's queue: claims the delegation, runs its task, records the outcome, advances the plan. When
 * it returns, the message is settled. A task that met a fault gets a new message with a growing delay. @throws while the tables
 * are down, and on an unreadable message: the queue delivers it again and dead-letters it after some deliveries.
 */
export async function runDelegation(
  body: unknown,
  agent: Agent,
  tasks: TaskCatalogue,
  deps: OrchestrationDeps,
): Promise<void> {
  const parsed = delegationMessageSchema.safeParse(body);
  if (!parsed.success || parsed.data.targetAgent !== agent) {
    deps.log.warn('message_rejected', {
      agent,
      reason: parsed.success ? 'for another agent' : 'not a delegation message',
    });
    throw new Error(`a message on the queue ${agent} is not a delegation for it`);
  }
  const message = parsed.data;
  const task = tasks.find(agent, message.taskType);
  const claimed = await claimFor(message, task?.timeoutMs ?? UNKNOWN_TASK_TIMEOUT_MS, deps);
  if (claimed) await runClaimed(claimed, task, deps);
}

/** Claims the row. Returns `undefined` when there is nothing to run. */
async function claimFor(
  { tenantId, delegationId, targetAgent, taskType }: DelegationMessage,
  timeoutMs: number,
  deps: OrchestrationDeps,
): Promise<Claimed | undefined> {
  for (;;) {
    const stored = await deps.delegations.find(tenantId, delegationId);
    if (!stored) {
      deps.log.warn('delegation_skipped', { delegationId, reason: 'unknown' });
      return undefined;
    }
    // The message must name the task of the row: its sender must not choose another task for the actor of the row.
    if (stored.value.agent !== targetAgent || stored.value.task !== taskType) {
      deps.log.warn('delegation_skipped', { ...logFieldsOf(stored.value), reason: 'of another task' });
      return undefined;
    }
    const decision = claim(stored.value, deps.clock.now(), timeoutMs);
    if (decision.kind === 'skip') {
      deps.log.info('delegation_skipped', { ...logFieldsOf(stored.value), reason: decision.reason });
      // A crash may have come between the outcome and its record in the plan.
      if (decision.reason === 'finished') await advancePlan(stored.value, deps);
      return undefined;
    }
    const written = await deps.delegations.replace(decision.delegation, stored.etag);
    if (written.status !== 'replaced') continue;
    if (decision.kind === 'claimed') return { delegation: decision.delegation, etag: written.etag };
    await handleOutcome(decision.delegation, deps);
    return undefined;
  }
}

async function runClaimed(claimed: Claimed, task: Task | undefined, deps: OrchestrationDeps): Promise<void> {
  const { delegation } = claimed;
  const fields = { ...logFieldsOf(delegation), attempts: delegation.attempts };
  deps.log.info('delegation_started', fields);
  const end = deps.activity.begin(delegation.agent, delegation.tenantId);
  const outcome = await runTask(delegation, task, deps);
  end(outcome === 'again' || !outcome.success);
  if (outcome === 'again') {
    const retried = await record(claimed, retryLater(delegation, deps.clock.now()), deps);
    if (retried) await sendMessage(retried, deps);
    return;
  }
  const finished = await record(
    claimed,
    finish(delegation, fitOutcome(outcome, delegation), deps.clock.now()),
    deps,
  );
  if (!finished) return;
  const error = outcome.success ? undefined : outcome.error.kind;
  deps.log.info('delegation_finished', { ...fields, success: outcome.success, error });
}

/**
 * Writes the claimed row and handles its outcome. Returns `undefined` when another instance has claimed the row since, or it
 * was cancelled: then this result is discarded.
 */
async function record(
  { etag }: Claimed,
  changed: Delegation,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  const written = await deps.delegations.replace(changed, etag);
  if (written.status === 'replaced') {
    await handleOutcome(changed, deps);
    return changed;
  }
  // The client repeats a write whose response was lost. The repetition fails, since the first write changed the ETag.
  const stored = await deps.delegations.find(changed.tenantId, changed.id);
  if (stored) await advancePlan(stored.value, deps);
  return undefined;
}
