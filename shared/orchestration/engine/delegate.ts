import { z } from 'zod';
import { invalid, invalidBySchema } from '../../platform/base/invalid.ts';
import { type Bounds, unsafeShape } from '../../platform/base/jsonShape.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import { agentNames } from '../model/agents.ts';
import type { AgentLoads } from '../agents/loads.ts';
import { routingMatrix, taskTypes } from '../agents/routing.ts';
import { type Caller, actorOf, idFor } from '../model/caller.ts';
import type { OrchestrationDeps } from './deps.ts';
import { unknownName } from '../model/unknownName.ts';
import { findOpenTask, openTasks } from '../tasks/findTask.ts';
import { askRefusal } from '../tasks/resultAccess.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { checkSession } from './checkSession.ts';
import { type Delegation, MAX_INPUT_LENGTH, newDelegation } from '../model/delegation.ts';
import { fitsMessage } from '../model/delegationMessage.ts';
import { sendNew } from './sendMessage.ts';

/** A piece of work by its type, which the matrix routes, or by its task, with the agent or without: then whoever has least to do. */
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
    { error: 'give either taskType, or task with its agent or without' },
  );
export type DelegationRequest = z.infer<typeof delegationRequestSchema>;

const DEFAULT_DEADLINE_MS = 10 * 60_000;
const LONGEST_DEADLINE_MS = 24 * 3_600_000;
const INPUT_BOUNDS: Bounds = { depth: 64, keys: 10_000 };

export interface DelegateDeps extends OrchestrationDeps {
  readonly loads: AgentLoads;
}

/**
 * Takes a piece of work and sends it to its agent. Failures, before anything is stored: `not_found` for a type, agent or
 * task that is not known, with the nearest that is, and for a session that is not the caller's; `forbidden` for a task that
 * only plans run, and for a task whose result takes a permission that the caller lacks; `invalid`, `too_large`.
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
  const refused = askRefusal(task.value, caller.principal, deps.operatorTenant);
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
    tenantId: caller.principal.tenantId,
    agent: task.value.agent,
    task: task.value.name,
    input: input.value,
    requestedBy: caller.principal.userId,
    actor: actorOf(caller, session.value),
    ...(session.value && { sessionId: session.value.id }),
    traceparent: traceparentOf(caller.trace),
    deadline: deadline.value.toISOString(),
  };
  const delegation = newDelegation(work, now);
  if (await sendNew(delegation, deps)) return succeed(delegation);
  // The same request was sent twice at once, or the answer of a write was lost and the write was repeated.
  const first = await resume(delegation.id, caller, deps);
  if (!first) throw new Error('a delegation that exists cannot be found');
  return succeed(first);
}

/** The delegation that an earlier sending of the same request made. Its message is sent again if nobody has begun. */
async function resume(
  id: string,
  { principal }: Caller,
  deps: OrchestrationDeps,
): Promise<Delegation | undefined> {
  const first = (await deps.delegations.find(principal.tenantId, id))?.value;
  if (first && first.attempts === 0 && !first.outcome) await deps.queueShares.send(first);
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
    const message = `the type of task "${type}" belongs to ${routingMatrix[type]}, which cannot do it yet`;
    return fail({ kind: 'not_found', message });
  }
  if (task === undefined) return invalid('task', 'is missing');
  if (agent !== undefined) return findOpenTask(agent, task, catalogue);
  return findByName(task, catalogue, loads);
}

/** Of the agents that have a task of this name, the one with the least to do. */
async function findByName(name: string, catalogue: TaskCatalogue, loads: AgentLoads): Promise<Result<Task>> {
  const able = agentNames.flatMap((agent) => {
    // Not `find`, which takes any name for a task of an external agent.
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
  const message = `input is larger than a message may be, and ${task.agent} is given nothing else`;
  return fail({ kind: 'too_large', message });
}

function checkDeadline(text: string | undefined, now: Date): Result<Date> {
  const deadline = text === undefined ? new Date(now.getTime() + DEFAULT_DEADLINE_MS) : new Date(text);
  const leftMs = deadline.getTime() - now.getTime();
  if (leftMs <= 0) return invalid('deadline', 'is past');
  return leftMs <= LONGEST_DEADLINE_MS ? succeed(deadline) : invalid('deadline', 'is more than a day away');
}
