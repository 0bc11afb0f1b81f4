import type { Principal } from '../../identity/access/actor.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Task, TaskHelpers } from '../tasks/task.ts';
import { runRefusal } from './runRefusal.ts';
import { type Delegation, MAX_ATTEMPTS, logFieldsOf, timeLeftMs } from '../model/delegation.ts';
import type { Outcome } from '../model/outcome.ts';

/** The outcome of a claimed delegation, or that its task met a fault that another attempt may not meet. */
export async function runTask(
  delegation: Delegation,
  task: Task | undefined,
  deps: OrchestrationDeps,
): Promise<Outcome | 'again'> {
  if (!task) return unknownTask(delegation);
  const deadline = deadlineOf(delegation, task.timeoutMs, deps.clock.now());
  const abort = new AbortController();
  // Not `AbortSignal.timeout`: that would hold on to all of this until a time that most tasks never come near.
  const timer = setTimeout(() => {
    abort.abort();
  }, deadline.getTime() - deps.clock.now().getTime());
  try {
    const actor = await currentActor(delegation, deps);
    const refused = runRefusal(delegation, task, actor, deps.operatorTenant);
    if (refused) return { success: false, error: { kind: refused.kind, message: refused.message } };
    return await task.execute(delegation.input, helpersFor(delegation, actor, deadline, abort.signal, deps));
  } catch (error) {
    const { attempts } = delegation;
    deps.log.error('delegation_failed', { ...logFieldsOf(delegation), attempts }, error);
    if (attempts < MAX_ATTEMPTS) return 'again';
    const message = `the task met a fault of the system ${attempts} times; the log names it under this delegation's id`;
    return { success: false, error: { kind: 'internal', message } };
  } finally {
    clearTimeout(timer);
  }
}

const deadlineOf = (delegation: Delegation, timeoutMs: number, now: Date): Date =>
  new Date(now.getTime() + Math.min(timeoutMs, timeLeftMs(delegation, now)));

/** Returns the actor of the row, or `undefined` after the sign-in or the session has ended. */
async function currentActor(
  { actor, sessionId }: Delegation,
  { sessions, clock }: OrchestrationDeps,
): Promise<Principal | undefined> {
  if (!actor || actor.expiresAt + CLOCK_TOLERANCE_MS <= clock.now().getTime()) return undefined;
  return sessionId !== undefined && (await sessions.wasEnded(sessionId)) ? undefined : actor;
}

function helpersFor(
  delegation: Delegation,
  actor: Principal | undefined,
  deadline: Date,
  signal: AbortSignal,
  deps: OrchestrationDeps,
): TaskHelpers {
  const { id, tenantId, sessionId } = delegation;
  return {
    tenantId,
    delegationId: id,
    traceId: continueTrace(delegation.traceparent).traceId,
    signal,
    deadline,
    log: scoped(deps.log, delegation),
    clock: deps.clock,
    actor,
    token: async () => (sessionId === undefined ? undefined : deps.sessions.token(tenantId, sessionId)),
    progress: (message) => {
      deps.progress.note(id, message);
    },
  };
}

function scoped(log: Log, delegation: Delegation): Log {
  const own = logFieldsOf(delegation);
  return {
    info: (event, fields) => {
      log.info(event, { ...own, ...fields });
    },
    warn: (event, fields) => {
      log.warn(event, { ...own, ...fields });
    },
    error: (event, fields, cause) => {
      log.error(event, { ...own, ...fields }, cause);
    },
  };
}

function unknownTask({ agent, task }: Delegation): Outcome {
  return { success: false, error: { kind: 'not_found', message: `${agent} has no task named ${task}` } };
}
