import type { Actor } from '../../identity/access/actor.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import { type Delegation, logFieldsOf, type Outcome, timeLeftMs } from '../model/delegation.ts';
import { MAX_ATTEMPTS } from '../model/limits.ts';
import { askRefusal, isOpenResult } from '../tasks/resultAccess.ts';
import type { Task, TaskHelpers } from '../tasks/task.ts';
import type { OrchestrationDeps } from './deps.ts';

/** Runs the task of a claimed delegation. Returns its outcome, or `again` after a fault that another attempt may not meet. */
export async function runTask(
  delegation: Delegation,
  task: Task | undefined,
  deps: OrchestrationDeps,
): Promise<Outcome | 'again'> {
  if (!task) return unknownTask(delegation);
  const deadline = deadlineOf(delegation, task.timeoutMs, deps.clock.now());
  const abort = new AbortController();
  // Not `AbortSignal.timeout`: it would keep all of this in memory until a deadline that most tasks never reach.
  const timer = setTimeout(() => {
    abort.abort();
  }, deadline.getTime() - deps.clock.now().getTime());
  try {
    const isRevoked = delegation.actor !== undefined && (await deps.revocations.isStored(delegation.actor));
    const actor = isRevoked ? undefined : await currentActor(delegation, deps);
    const refused =
      isRevoked && delegation.grantedBy === undefined
        ? revokedWork(task)
        : runRefusal(delegation, task, actor, deps.operatorTenant);
    if (refused) return { success: false, error: { kind: refused.kind, message: refused.message } };
    return await task.execute(delegation.input, helpersFor(delegation, actor, deadline, abort.signal, deps));
  } catch (error) {
    const { attempts } = delegation;
    deps.log.error('delegation_failed', { ...logFieldsOf(delegation), attempts }, error);
    if (attempts < MAX_ATTEMPTS) return 'again';
    const message = `the task met a fault of the system ${attempts} times: look for this delegation's id in the log`;
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
): Promise<Actor | undefined> {
  if (!actor || actor.expiresAt + CLOCK_TOLERANCE_MS <= clock.now().getTime()) return undefined;
  return sessionId !== undefined && (await sessions.wasEnded(sessionId)) ? undefined : actor;
}

function helpersFor(
  delegation: Delegation,
  actor: Actor | undefined,
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
      deps.progress.report(id, message);
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

/**
 * Returns why a task may not run for the actor of its row, or `undefined` where it may. The actor must have the permissions of
 * the result under the current rules. A result that not every reader may see also takes a valid sign-in: `current` is the actor
 * until the sign-in ends. A plan, gate or event of the gateway may run all of its tasks. A row that names neither is of an
 * earlier version: it may run tasks whose results are open to every reader.
 */
export function runRefusal(
  { tenantId, planId, actor, grantedBy }: Delegation,
  task: Task,
  current: Actor | undefined,
  operatorTenant: string,
): DomainError | undefined {
  const isOwnWork = actor !== undefined && grantedBy === undefined;
  if (task.planOnly && (planId === undefined || isOwnWork))
    return forbidden(`the task "${task.name}" runs as a step of a named plan only`);
  if (grantedBy !== undefined || (!actor && isOpenResult(task))) return undefined;
  if (!actor)
    return forbidden(`the task "${task.name}" needs an actor and this delegation has none: ask for it again`);
  const refused = askRefusal(task, { tenantId, roles: actor.roles }, operatorTenant);
  if (refused || isOpenResult(task) || current) return refused;
  return forbidden(
    `the sign-in or the session that asked for the task "${task.name}" has ended: sign in and ask again`,
  );
}

/** The gateway's own plans go on for nobody, so that they end and undo what they began. */
const revokedWork = (task: Task): DomainError =>
  forbidden(
    `an administrator ended the access of the user or the client that asked for the task "${task.name}"`,
  );

const forbidden = (message: string): DomainError => ({ kind: 'forbidden', message });
