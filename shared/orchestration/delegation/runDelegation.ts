import type { LogFields } from '../../platform/log.ts';
import type { Agent } from '../agents.ts';
import { advancePlan } from '../plan/advancePlan.ts';
import {
  type Delegation,
  type DelegationMessage,
  claim,
  delegationMessageSchema,
  finish,
  logFieldsOf,
  MAX_ATTEMPTS,
  retryLater,
} from './delegation.ts';
import { sendMessage } from './sendMessage.ts';
import type { OrchestrationDeps } from '../deps.ts';
import type { Outcome } from './outcome.ts';
import type { Task } from '../task/task.ts';
import type { TaskCatalogue } from '../task/taskCatalogue.ts';

/** How long a task has that its agent does not know: just long enough to record that. */
const UNKNOWN_TASK_TIMEOUT_MS = 5_000;

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
  { tenantId, delegationId }: DelegationMessage,
  timeoutMs: number,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  for (;;) {
    const stored = await deps.delegations.find(tenantId, delegationId);
    if (!stored) {
      deps.log.warn('delegation_skipped', { delegationId, reason: 'unknown' });
      return undefined;
    }
    const decision = claim(stored.value, deps.clock.now(), timeoutMs);
    if (decision.kind === 'skip') {
      deps.log.info('delegation_skipped', { ...logFieldsOf(stored.value), reason: decision.reason });
      // Whoever recorded the outcome may have died before it told the plan.
      if (decision.reason === 'finished') await advancePlan(stored.value, deps);
      return undefined;
    }
    if ((await deps.delegations.replace(decision.delegation, stored.etag)) === 'conflict') continue;
    if (decision.kind === 'claimed') return decision.delegation;
    await advancePlan(decision.delegation, deps);
    return undefined;
  }
}

async function runClaimed(
  delegation: Delegation,
  task: Task | undefined,
  deps: OrchestrationDeps,
): Promise<void> {
  const fields = { ...logFieldsOf(delegation), attempts: delegation.attempts };
  deps.log.info('delegation_started', fields);
  const outcome = await attempt(delegation, task, deps, fields);
  if (outcome === 'again') {
    const retried = await record(delegation, (row) => retryLater(row, deps.clock.now()), deps);
    if (retried) await sendMessage(retried, deps);
    return;
  }
  await record(delegation, (row) => finish(row, outcome, deps.clock.now()), deps);
  const error = outcome.success ? undefined : outcome.error.kind;
  deps.log.info('delegation_finished', { ...fields, success: outcome.success, error });
}

/** The outcome, or that the task met a fault that another attempt may not meet. */
async function attempt(
  delegation: Delegation,
  task: Task | undefined,
  deps: OrchestrationDeps,
  fields: LogFields,
): Promise<Outcome | 'again'> {
  if (!task) return unknownTask(delegation);
  try {
    return await execute(task, delegation, deps);
  } catch (error) {
    deps.log.error('delegation_failed', fields, error);
    if (delegation.attempts < MAX_ATTEMPTS) return 'again';
    const message = `the task met a fault of the system ${delegation.attempts} times; the log names it under this delegation's id`;
    return { success: false, error: { kind: 'internal', message } };
  }
}

function execute(task: Task, delegation: Delegation, deps: OrchestrationDeps): Promise<Outcome> {
  const leftMs = new Date(delegation.deadline).getTime() - deps.clock.now().getTime();
  const signal = AbortSignal.timeout(Math.min(task.timeoutMs, leftMs));
  return task.execute(delegation.input, {
    tenantId: delegation.tenantId,
    signal,
    log: deps.log,
    clock: deps.clock,
  });
}

function unknownTask({ agent, task }: Delegation): Outcome {
  return { success: false, error: { kind: 'not_found', message: `${agent} has no task named ${task}` } };
}

/**
 * Writes what became of a claim and tells the plan. Undefined when another has claimed the row since, or it was cancelled:
 * then what the row says counts.
 */
async function record(
  claimed: Delegation,
  change: (row: Delegation) => Delegation,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  const stored = await deps.delegations.find(claimed.tenantId, claimed.id);
  if (stored?.value.state !== 'running' || stored.value.attempts !== claimed.attempts) return undefined;
  const changed = change(stored.value);
  if ((await deps.delegations.replace(changed, stored.etag)) !== 'replaced') return undefined;
  await advancePlan(changed, deps);
  return changed;
}
