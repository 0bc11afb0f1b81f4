import * as z from 'zod';
import { taskTypes } from '../../../shared/orchestration/agents/routing.ts';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { delegationStateSchema } from '../../../shared/orchestration/model/delegation.ts';
import { withheldSchema } from '../../../shared/orchestration/tasks/resultAccess.ts';
import { type BuiltInTool, defineBuiltInTool, idempotencyKey, readOnly, waitSeconds } from './builtInTool.ts';
import type { RouteCall } from './routeCalls.ts';

const sessionId = z
  .string()
  .max(100)
  .optional()
  .describe('A session of yours, opened at the management API, in which the agent acts for you.');

const delegationSchema = z.object({
  id: z.string(),
  agent: z.string(),
  task: z.string(),
  state: delegationStateSchema,
  attempts: z.int(),
  progress: z.unknown().optional().describe('While it runs: how far it says that it is.'),
  result: z.unknown().optional(),
  error: z.object({ kind: z.string(), message: z.string() }).optional(),
  withheld: withheldSchema.optional(),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
});
const madeSchema = z.looseObject({ id: z.string() });

/** Work for the specialist agents. */
export function workTools(route: (name: string) => RouteCall): readonly BuiltInTool[] {
  const create = route('delegations-create');
  const get = route('delegations-get');
  const runGate = route('quality-gates-run');
  const work = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true };
  return [
    defineBuiltInTool({
      name: 'delegate_task',
      title: 'Delegate a task',
      description: `Hands a piece of work to a specialist agent and waits for its result: by its type (${taskTypes.join(', ')}), which goes to the agent that it belongs to, or by agent and task.`,
      permission: create.permission,
      annotations: work,
      input: z.strictObject({
        taskType: z
          .enum(taskTypes)
          .optional()
          .describe('The type of the work; then give no agent and no task.'),
        agent: z.enum(agentNames).optional(),
        task: z.string().max(100).optional().describe('The name of a task of that agent.'),
        input: z
          .record(z.string(), z.unknown())
          .optional()
          .describe('What the task takes; every task has defaults.'),
        sessionId,
        deadline: z.iso
          .datetime()
          .optional()
          .describe('When it has to have ended; ten minutes from now when absent.'),
        waitSeconds,
        idempotencyKey,
      }),
      output: delegationSchema,
      async run({ waitSeconds: wait, idempotencyKey: key, ...body }, call) {
        const made = await create.ask(call, { body, query: { wait }, idempotencyKey: key });
        return made.ok ? get.ask(call, { params: { id: madeSchema.parse(made.value).id } }) : made;
      },
    }),
    defineBuiltInTool({
      name: 'get_delegation',
      title: 'Look at a delegation',
      description:
        'Says how a piece of work stands that was delegated before, with its result once it has ended.',
      permission: get.permission,
      annotations: readOnly,
      input: z.strictObject({
        id: z.string().max(200).describe('As delegate_task gave it.'),
        waitSeconds: waitSeconds.default(0),
      }),
      output: delegationSchema,
      run: ({ id, waitSeconds: wait }, call) => get.ask(call, { params: { id }, query: { wait } }),
    }),
    defineBuiltInTool({
      name: 'run_quality_gate',
      title: 'Run a quality gate',
      description:
        'Runs the checks of a quality gate one after another and says which passed, with the evidence: pre_deployment, post_deployment, security_validation, or one of your own.',
      permission: runGate.permission,
      annotations: work,
      input: z.strictObject({
        gate: z.string().max(100).describe('Its name.'),
        sessionId,
        waitSeconds: waitSeconds.default(30),
        idempotencyKey,
      }),
      output: z.object({
        id: z.string(),
        gate: z.string(),
        status: z.enum(['running', 'passed', 'failed']),
        failedCheck: z.string().optional(),
        results: z.record(
          z.string(),
          z.object({
            passed: z.boolean(),
            severity: z.string(),
            agent: z.string(),
            evidence: z.unknown().optional(),
            error: z.string().optional(),
            withheld: withheldSchema.optional(),
          }),
        ),
      }),
      run: ({ gate, waitSeconds: wait, idempotencyKey: key, ...body }, call) =>
        runGate.ask(call, { params: { gate }, body, query: { wait }, idempotencyKey: key }),
    }),
  ];
}
