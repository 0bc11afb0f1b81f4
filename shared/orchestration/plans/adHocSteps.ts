import * as z from 'zod';
import type { InputProblem } from '../../platform/base/errors.ts';
import { unsafeShape } from '../../platform/base/json.ts';
import { fail, invalidBySchema, type Result, succeed } from '../../platform/base/result.ts';
import type { Agent } from '../model/agents.ts';
import { MAX_INPUT_LENGTH, MAX_POINTERS_LENGTH, MAX_STEPS, STEPS_BOUNDS } from '../model/limits.ts';
import { onFailureSchema, severitySchema, type StepDefinition } from '../model/plan.ts';
import { findReferences, referencePointers } from '../model/references.ts';
import { ancestorsOf, stepsOnCycles } from '../model/stepGraph.ts';
import { findOpenTask, type TaskCatalogue } from '../tasks/taskCatalogue.ts';

const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,59}$/, 'must be 1 to 60 of a-z, 0-9 and _, beginning with a letter');
const workSchema = z.strictObject({
  agent: z.string().max(100),
  task: z.string().max(100),
  input: z.unknown().default({}),
});

/** The steps of an ad hoc plan. `timeout` is in seconds, queueing and retries included. */
export const stepRequestsSchema = z
  .array(
    workSchema.extend({
      id: nameSchema,
      dependsOn: z.array(nameSchema).max(MAX_STEPS).default([]),
      timeout: z.int().min(1).max(86_400).optional(),
      severity: severitySchema.default('critical'),
      onFailure: onFailureSchema.default('stop'),
      compensation: workSchema.optional(),
    }),
  )
  .min(1)
  .max(MAX_STEPS);
export type StepRequest = z.infer<typeof stepRequestsSchema>[number];

type WorkRequest = z.infer<typeof workSchema>;

/**
 * Returns the steps of a request. Failures: `too_large`; `invalid`, with all problems: duplicate and unknown names, cycles,
 * references to steps that a step does not depend on, inputs that break the schema of their task. An input with references is
 * checked when the task runs.
 */
export function planSteps(
  requests: readonly StepRequest[],
  catalogue: TaskCatalogue,
): Result<readonly StepDefinition[]> {
  const unsafe = unsafeShape(requests, STEPS_BOUNDS);
  if (unsafe !== undefined) return invalidSteps([{ path: 'steps', message: unsafe }]);
  if (JSON.stringify(requests).length > MAX_INPUT_LENGTH) {
    const message = `the steps are longer than ${MAX_INPUT_LENGTH} characters of JSON`;
    return fail({ kind: 'too_large', message });
  }
  if (pointersLength(requests) > MAX_POINTERS_LENGTH) {
    const message = `the JSON pointers of the references in the steps are longer than ${MAX_POINTERS_LENGTH} characters: use fewer references, or shorter keys`;
    return fail({ kind: 'too_large', message });
  }
  const problems: InputProblem[] = graphProblems(requests);
  const definitions = requests.map((step, index): StepDefinition => {
    const { timeout, compensation, agent: _, ...rest } = step;
    // The administrator is the author of the whole input.
    const references = referencePointers(step.input);
    const path = `steps.${index}`;
    problems.push(...referenceProblems(step, path, requests));
    return {
      ...rest,
      references,
      agent: agentFor(step, path, catalogue, problems),
      ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
      ...(compensation && {
        compensation: {
          ...compensation,
          references: referencePointers(compensation.input),
          agent: agentFor(compensation, `${path}.compensation`, catalogue, problems),
        },
      }),
    };
  });
  return problems.length === 0 ? succeed(definitions) : invalidSteps(problems);
}

/** Returns the total length of the JSON pointers to references, in characters. */
const pointersLength = (requests: readonly StepRequest[]): number =>
  requests
    .flatMap(({ input, compensation }) => referencePointers([input, compensation?.input]))
    .reduce((sum, pointer) => sum + pointer.length, 0);

function invalidSteps(errors: readonly InputProblem[]): Result<never> {
  return fail({ kind: 'invalid', message: 'the steps are invalid: see errors', errors });
}

function graphProblems(steps: readonly StepRequest[]): InputProblem[] {
  const ids = new Set(steps.map(({ id }) => id));
  const problems = steps.flatMap(({ id, dependsOn }, index): InputProblem[] => [
    ...(steps.findIndex((other) => other.id === id) < index
      ? [{ path: `steps.${index}.id`, message: `there are two steps "${id}"` }]
      : []),
    ...dependsOn
      .filter((needed) => !ids.has(needed))
      .map((needed) => ({ path: `steps.${index}.dependsOn`, message: `there is no step "${needed}"` })),
  ]);
  const stuck = stepsOnCycles(steps);
  if (stuck.length === 0) return problems;
  return [
    ...problems,
    { path: 'steps', message: `these steps depend on each other in a cycle: ${stuck.join(', ')}` },
  ];
}

/** A compensation may refer to its own step too. */
function referenceProblems(step: StepRequest, path: string, steps: readonly StepRequest[]): InputProblem[] {
  const before = ancestorsOf(step.id, steps);
  const judge = (input: unknown, at: string, known: ReadonlySet<string>, isCompensation: boolean) =>
    findReferences(input).flatMap(({ reference }): InputProblem[] => {
      if (reference.kind === 'plan_error') {
        return isCompensation ? [] : [{ path: at, message: '$planError is for compensations only' }];
      }
      if (known.has(reference.step)) return [];
      return [{ path: at, message: `refers to "${reference.step}", which it does not depend on` }];
    });
  return [
    ...judge(step.input, `${path}.input`, before, false),
    ...judge(step.compensation?.input, `${path}.compensation.input`, new Set([...before, step.id]), true),
  ];
}

/** Returns the agent of a step or compensation, and adds what is wrong with it to the problems. */
function agentFor(
  { agent, task: name, input }: WorkRequest,
  path: string,
  catalogue: TaskCatalogue,
  problems: InputProblem[],
): Agent {
  const task = findOpenTask(agent, name, catalogue);
  if (!task.ok) {
    problems.push({ path: `${path}.task`, message: task.error.message });
    return 'mcp-orchestrator';
  }
  if (findReferences(input).length === 0) {
    const parsed = task.value.input.safeParse(input);
    if (!parsed.success) {
      const refused = invalidBySchema(parsed.error, name, [path, 'input']).error;
      problems.push(...(refused.errors ?? []));
    }
  }
  return task.value.agent;
}
