import * as z from 'zod';
import { unsafeShape } from '../../platform/base/json.ts';
import { fail, invalid, invalidBySchema, type Result, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import type { AgentLoads } from '../agents/loads.ts';
import { routingMatrix, taskTypes } from '../agents/routing.ts';
import { agentNames } from '../model/agents.ts';
import { actorOf, type Caller, idFor } from '../model/caller.ts';
import { type Delegation, newDelegation } from '../model/delegation.ts';
import { DEFAULT_DEADLINE_MS, INPUT_BOUNDS, MAX_DEADLINE_MS, MAX_INPUT_LENGTH } from '../model/limits.ts';
import { unknownName } from '../model/unknownName.ts';
import { askRefusal } from '../tasks/resultAccess.ts';
import type { Task } from '../tasks/task.ts';
import { findOpenTask, openTasks, type TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { checkSession } from './checkSession.ts';
import type { OrchestrationDeps } from './deps.ts';
import { fitsMessage, submitDelegation } from './message.ts';

/** Work by its type, which the routing matrix routes, or by its task. Without an agent, the one with the least load takes it. */
export const delegationRequestSchema = z
  .strictObject({
    taskType: z.string().max(100).optional(),
    agent: z.string().max(100).optional(),
    task: z.string().max(100).optional(),
    input: z.unknown().optional(),
    sessionId: z.string().max(100).optional(),
    deadline: z.iso.datetime().optional(),
  })
  .refine(
    ({ taskType, agent, task }) =>
      taskType === undefined ? task !== undefined : agent === undefined && task === undefined,
    { error: 'give either taskType, or task with or without its agent' },
  );
export type DelegationRequest = z.infer<typeof delegationRequestSchema>;

export interface DelegateDeps extends OrchestrationDeps {
  readonly loads: AgentLoads;
}

/**
 * Delegates work to an agent. Failures, before anything is stored: `not_found` for an unknown type, agent or task, with the
 * nearest known name, and for a session of another user; `forbidden` for a task that only plans run, and for a task whose
 * result takes a permission that the caller lacks; `invalid`, `too_large`.
 */
export async function delegate(
  request: DelegationRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: DelegateDeps,
): Promise<Result<Delegation>> {
  const earlier = caller.requestId === undefined ? undefined : await resume(caller.requestId, caller, deps);
  if (earlier) return succeed(earlier);
  const task = await findTask(request, catalogue, deps.loads);
  if (!task.ok) return task;
  const refused = askRefusal(task.value, caller.actor, deps.operatorTenant);
  if (refused) return fail(refused);
  const now = deps.clock.now();
  const input = checkInput(task.value, request.input ?? {});
  if (!input.ok) return input;
  const deadline = checkDeadline(request.deadline, now);
  if (!deadline.ok) return deadline;
  const session = await checkSession(request.sessionId, caller, deps.sessions);
  if (!session.ok) return session;
  const work = {
    id: idFor(caller, deps.newId),
    tenantId: caller.actor.tenantId,
    agent: task.value.agent,
    task: task.value.name,
    input: input.value,
    requestedBy: caller.actor.userId,
    actor: actorOf(caller, session.value),
    ...(session.value && { sessionId: session.value.id }),
    traceparent: traceparentOf(caller.trace),
    deadline: deadline.value.toISOString(),
  };
  const delegation = newDelegation(work, now);
  if (await submitDelegation(delegation, deps)) return succeed(delegation);
  // The same request was sent twice at the same time, or the response to a write was lost and the client repeated the write.
  const first = await resume(delegation.id, caller, deps);
  if (!first) throw new Error('a delegation that exists cannot be found');
  return succeed(first);
}

/** Returns the delegation of an earlier sending of the same request. Sends its message again if no agent has begun. */
async function resume(
  id: string,
  { actor }: Caller,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  const first = (await deps.delegations.find(actor.tenantId, id))?.value;
  if (first && first.attempts === 0 && !first.outcome) await deps.dispatcher.dispatch(first);
  return first;
}

async function findTask(
  { taskType, agent, task }: DelegationRequest,
  catalogue: TaskCatalogue,
  loads: AgentLoads,
): Promise<Result<Task>> {
  if (taskType !== undefined) {
    const type = taskTypes.find((known) => known === taskType);
    if (type === undefined) return fail(unknownName('type of task', taskType, taskTypes));
    const routed = catalogue.find(routingMatrix[type], type);
    if (routed) return succeed(routed);
    const message = `the type of task "${type}" is routed to ${routingMatrix[type]}, which has no such task yet`;
    return fail({ kind: 'not_found', message });
  }
  if (task === undefined) return invalid('task', 'is required');
  if (agent !== undefined) return findOpenTask(agent, task, catalogue);
  return findByName(task, catalogue, loads);
}

/** Returns the task of this name at the agent with the least load. */
async function findByName(name: string, catalogue: TaskCatalogue, loads: AgentLoads): Promise<Result<Task>> {
  const able = agentNames.flatMap((agent) => {
    // Not `find`: it accepts every name as a task of an external agent.
    const task = catalogue.of(agent).find((known) => known.name === name && !known.planOnly);
    return task ? [task] : [];
  });
  const [first, ...others] = able;
  if (!first) return fail(unknownName('task', name, openTasks(agentNames, catalogue)));
  if (others.length === 0) return succeed(first);
  const current = await loads();
  const load = ({ agent }: Task) => (current.get(agent)?.queued ?? 0) + (current.get(agent)?.running ?? 0);
  return succeed(able.reduce((least, task) => (load(task) < load(least) ? task : least)));
}

function checkInput(task: Task, input: unknown): Result<unknown> {
  const unsafe = unsafeShape(input, INPUT_BOUNDS);
  if (unsafe !== undefined) return invalid('input', unsafe);
  if (JSON.stringify(input).length > MAX_INPUT_LENGTH) {
    return fail({
      kind: 'too_large',
      message: `input is longer than ${MAX_INPUT_LENGTH} characters of JSON`,
    });
  }
  const parsed = task.input.safeParse(input);
  if (!parsed.success) return invalidBySchema(parsed.error, `the input of ${task.name}`, ['input']);
  if (!task.external || fitsMessage(parsed.data)) return succeed(parsed.data);
  const message = `input is too large for a message, and ${task.agent}, an external agent, reads nothing else`;
  return fail({ kind: 'too_large', message });
}

function checkDeadline(text: string | undefined, now: Date): Result<Date> {
  const deadline = text === undefined ? new Date(now.getTime() + DEFAULT_DEADLINE_MS) : new Date(text);
  const leftMs = deadline.getTime() - now.getTime();
  if (leftMs <= 0) return invalid('deadline', 'is in the past');
  return leftMs <= MAX_DEADLINE_MS ? succeed(deadline) : invalid('deadline', 'is more than a day away');
}
