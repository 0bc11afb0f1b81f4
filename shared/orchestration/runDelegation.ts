import type { Stored } from '../platform/tables.ts';
import type { Agent } from './agents.ts';
import { advancePlan } from './advancePlan.ts';
import {
  type Delegation,
  type DelegationMessage,
  claim,
  delegationMessageSchema,
  finish,
  logFieldsOf,
  MAX_ATTEMPTS,
  release,
} from './delegation.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import type { Task } from './task.ts';

/** What an agent can do, by the name of the task. */
export type TaskTable = ReadonlyMap<string, Task>;

/** How long a task has that its agent does not know: just long enough to record that. */
const UNKNOWN_TASK_TIMEOUT_MS = 5_000;

/**
 * Handles one message of an agent's queue: claim, run, record, advance the plan. When it returns, the message is done with.
 * @throws on a fault that another delivery may not meet, and on a message that nobody can read: the queue delivers it
 * again and in the end dead-letters it.
 */
export async function runDelegation(
  body: unknown,
  agent: Agent,
  tasks: TaskTable,
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
  const task = tasks.get(message.taskType);
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
  const { attempts } = delegation;
  const fields = { ...logFieldsOf(delegation), attempts };
  deps.log.info('delegation_started', fields);
  try {
    const outcome = task ? await execute(task, delegation, deps) : unknownTask(delegation);
    await record(delegation, (row) => finish(row, outcome, deps.clock.now()), deps);
    deps.log.info('delegation_finished', {
      ...fields,
      success: outcome.success,
      error: outcome.success ? undefined : outcome.error.kind,
    });
  } catch (error) {
    if (attempts < MAX_ATTEMPTS) {
      await record(delegation, release, deps);
      throw error;
    }
    deps.log.error('delegation_failed', fields, error);
    const message = `the task met a fault of the system ${attempts} times; the log names it under this delegation's id`;
    await record(
      delegation,
      (row) => finish(row, { success: false, error: { kind: 'internal', message } }, deps.clock.now()),
      deps,
    );
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

/** Writes what became of a claim, unless another has claimed the row since, whose outcome then counts; tells the plan. */
async function record(
  claimed: Delegation,
  change: (row: Delegation) => Delegation,
  deps: OrchestrationDeps,
): Promise<void> {
  const stored: Stored<Delegation> | undefined = await deps.delegations.find(claimed.tenantId, claimed.id);
  if (stored?.value.state !== 'running' || stored.value.attempts !== claimed.attempts) return;
  const changed = change(stored.value);
  if ((await deps.delegations.replace(changed, stored.etag)) !== 'replaced') return;
  await advancePlan(changed, deps);
}
