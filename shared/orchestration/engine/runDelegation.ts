import type { Agent } from '../model/agents.ts';
import type { OrchestrationDeps } from './deps.ts';
import { advancePlan } from './advancePlan.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { announce } from './announce.ts';
import { type Delegation, claim, finish, fitting, logFieldsOf, retryLater } from '../model/delegation.ts';
import { type DelegationMessage, delegationMessageSchema } from '../model/delegationMessage.ts';
import { runTask } from './runTask.ts';
import { sendMessage } from './sendMessage.ts';

/** How long a task has that its agent does not know: just long enough to record that. */
const UNKNOWN_TASK_TIMEOUT_MS = 5_000;

/** A row as this instance has claimed it. */
interface Claimed {
  readonly delegation: Delegation;
  readonly etag: string;
}

/**
 * Handles one message of an agent's queue: claim, run, record, advance the plan. When it returns, the message is done with;
 * a task that met a fault is sent again, later each time. @throws when the tables do not answer, and on a message that
 * nobody can read: the queue delivers it again and in the end dead-letters it.
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

/** The claimed row, or undefined when there is nothing to run. */
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
      // Whoever recorded the outcome may have died before it told the plan.
      if (decision.reason === 'finished') await advancePlan(stored.value, deps);
      return undefined;
    }
    const written = await deps.delegations.replace(decision.delegation, stored.etag);
    if (written.status !== 'replaced') continue;
    if (decision.kind === 'claimed') return { delegation: decision.delegation, etag: written.etag };
    await announce(decision.delegation, deps);
    return undefined;
  }
}

async function runClaimed(claimed: Claimed, task: Task | undefined, deps: OrchestrationDeps): Promise<void> {
  const { delegation } = claimed;
  const fields = { ...logFieldsOf(delegation), attempts: delegation.attempts };
  deps.log.info('delegation_started', fields);
  const end = deps.activity.begin(delegation.agent);
  const outcome = await runTask(delegation, task, deps);
  end(outcome === 'again' || !outcome.success);
  if (outcome === 'again') {
    const retried = await record(claimed, retryLater(delegation, deps.clock.now()), deps);
    if (retried) await sendMessage(retried, deps);
    return;
  }
  const finished = await record(
    claimed,
    finish(delegation, fitting(outcome, delegation), deps.clock.now()),
    deps,
  );
  if (!finished) return;
  const error = outcome.success ? undefined : outcome.error.kind;
  deps.log.info('delegation_finished', { ...fields, success: outcome.success, error });
}

/**
 * Writes what became of a claim and tells the plan. Undefined when another has claimed the row since, or it was cancelled:
 * then what the row says counts.
 */
async function record(
  { etag }: Claimed,
  changed: Delegation,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  const written = await deps.delegations.replace(changed, etag);
  if (written.status === 'replaced') {
    await announce(changed, deps);
    return changed;
  }
  // The client repeats a write whose answer was lost, and is then refused because of its own row.
  const stored = await deps.delegations.find(changed.tenantId, changed.id);
  if (stored) await advancePlan(stored.value, deps);
  return undefined;
}
