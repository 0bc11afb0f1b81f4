import { z } from 'zod';
import type { Principal } from '../../identity/principal.ts';
import { invalid, invalidBySchema } from '../../platform/invalid.ts';
import { type Bounds, unsafeShape } from '../../platform/jsonShape.ts';
import { type Result, fail, succeed } from '../../platform/result.ts';
import { type Trace, traceparentOf } from '../../platform/trace.ts';
import { type Agent, agentNames } from '../agents.ts';
import type { Delegation } from './delegation.ts';
import { sendMessage } from './sendMessage.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { nearestName } from '../nearest.ts';
import { routingMatrix, taskTypes } from '../routing.ts';
import type { Task } from '../task/task.ts';
import type { TaskCatalogue } from '../task/taskCatalogue.ts';

/** A piece of work by its type, which the matrix routes, or by the agent and its task. */
export const delegationRequestSchema = z
  .strictObject({
    taskType: z.string().max(100).optional(),
    agent: z.string().max(100).optional(),
    task: z.string().max(100).optional(),
    input: z.unknown().optional(),
    deadline: z.iso.datetime().optional(),
  })
  .refine(
    ({ taskType, agent, task }) => (taskType === undefined) === (agent !== undefined && task !== undefined),
    {
      error: 'give either taskType, or agent and task',
    },
  );
export type DelegationRequest = z.infer<typeof delegationRequestSchema>;

const DEFAULT_DEADLINE_MS = 10 * 60_000;
const LONGEST_DEADLINE_MS = 24 * 3_600_000;
const INPUT_BOUNDS: Bounds = { depth: 64, keys: 10_000 };
/** A row holds this beside a result of the same order. */
const MAX_INPUT_LENGTH = 200_000;

/**
 * Takes a piece of work and sends it to its agent. Failures, before anything is stored: `not_found` for a type, agent or
 * task that is not known, with the nearest that is; `forbidden` for a task that only plans run; `invalid`, `too_large`.
 */
export async function delegate(
  request: DelegationRequest,
  caller: { readonly principal: Principal; readonly trace: Trace },
  catalogue: TaskCatalogue,
  deps: OrchestrationDeps,
): Promise<Result<Delegation>> {
  const task = findTask(request, catalogue);
  if (!task.ok) return task;
  const now = deps.clock.now();
  const input = checkInput(task.value, request.input ?? {});
  if (!input.ok) return input;
  const deadline = checkDeadline(request.deadline, now);
  if (!deadline.ok) return deadline;
  const delegation: Delegation = {
    id: deps.newId(),
    tenantId: caller.principal.tenantId,
    agent: task.value.agent,
    task: task.value.name,
    input: input.value,
    requestingAgent: 'mcp-orchestrator',
    requestedBy: caller.principal.userId,
    traceparent: traceparentOf(caller.trace),
    state: 'queued',
    attempt: 1,
    attempts: 0,
    sentAt: now.toISOString(),
    deadline: deadline.value.toISOString(),
    createdAt: now.toISOString(),
  };
  await deps.delegations.add(delegation);
  await sendMessage(delegation, deps);
  return succeed(delegation);
}

function findTask({ taskType, agent, task }: DelegationRequest, catalogue: TaskCatalogue): Result<Task> {
  if (taskType !== undefined) {
    const type = taskTypes.find((known) => known === taskType);
    if (type === undefined) return unknown('type of task', taskType, taskTypes);
    const routed = catalogue.find(routingMatrix[type], type);
    if (routed) return succeed(routed);
    const message = `the type of task "${type}" belongs to ${routingMatrix[type]}, which cannot do it yet`;
    return fail({ kind: 'not_found', message });
  }
  const known = agentNames.find((name) => name === agent);
  if (known === undefined) return unknown('agent', agent ?? '', agentNames);
  const found = catalogue.find(known, task ?? '');
  if (!found) return unknownTask(known, task ?? '', catalogue);
  if (!found.planOnly) return succeed(found);
  return fail({ kind: 'forbidden', message: `the task "${found.name}" runs as a step of a plan only` });
}

function unknownTask(agent: Agent, task: string, catalogue: TaskCatalogue): Result<never> {
  const open = catalogue.of(agent).filter(({ planOnly }) => !planOnly);
  return unknown(
    `task of ${agent}`,
    task,
    open.map(({ name }) => name),
  );
}

function unknown(noun: string, name: string, known: readonly string[]): Result<never> {
  const nearest = nearestName(name, known);
  const hint =
    nearest === undefined ? `known: ${known.join(', ') || 'none yet'}` : `did you mean "${nearest}"?`;
  return fail({ kind: 'not_found', message: `there is no ${noun} "${name}"; ${hint}` });
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
  if (parsed.success) return succeed(parsed.data);
  return invalidBySchema(parsed.error, `the input of ${task.name}`, ['input']);
}

function checkDeadline(text: string | undefined, now: Date): Result<Date> {
  const deadline = text === undefined ? new Date(now.getTime() + DEFAULT_DEADLINE_MS) : new Date(text);
  const leftMs = deadline.getTime() - now.getTime();
  if (leftMs <= 0) return invalid('deadline', 'is past');
  return leftMs <= LONGEST_DEADLINE_MS ? succeed(deadline) : invalid('deadline', 'is more than a day away');
}
