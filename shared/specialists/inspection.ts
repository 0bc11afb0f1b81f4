import * as z from 'zod';
import type { Agent } from '../orchestration/model/agents.ts';
import { defineTask, type Task, type TaskDefinition, type TaskHelpers } from '../orchestration/tasks/task.ts';
import { succeed } from '../platform/base/result.ts';
import {
  type Finding,
  health,
  healthSchema,
  problemsIn,
  reportSchema,
  verdict,
  verdictSchema,
} from './finding.ts';

/** What a specialist saw of a part of the system, and what follows from it. */
export interface Inspection {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** A task that inspects and reports, without the steps that all of them share. */
interface InspectionTask<Input, Found extends Inspection> extends Omit<
  TaskDefinition<Input, Found>,
  'agent' | 'permissions' | 'input' | 'output' | 'run'
> {
  /** `system.read` when absent. */
  readonly permissions?: TaskDefinition<Input, Found>['permissions'];
  readonly inspect: (input: Input, helpers: TaskHelpers) => Promise<Found>;
}
type WithoutInput = InspectionTask<Record<string, never>, Inspection>;
type Report<Input> = InspectionTask<Input, Inspection & { readonly summary: string }> & {
  readonly input: z.ZodType<Input>;
};

/** The definers of inspections, one for each shape of a result. */
interface InspectionDefiners {
  /** The result is a verdict for a quality gate. */
  readonly gateCheck: (task: WithoutInput) => Task;
  /** The result is the health of a component. */
  readonly healthCheck: (task: WithoutInput) => Task;
  /** The result is a summary with facts and findings. */
  readonly report: <Input>(task: Report<Input>) => Task;
}

const noInput = z.strictObject({});

/** Returns the definers of an agent's inspections. Each makes a task that inspects and puts facts and findings into its shape. */
export function inspectionsOf(agent: Agent): InspectionDefiners {
  const judged =
    <Output>(
      output: z.ZodType<Output>,
      judge: (findings: readonly Finding[], facts: Inspection['facts']) => Output,
    ) =>
    ({ inspect, permissions = ['system.read'], ...task }: WithoutInput): Task =>
      defineTask({
        ...task,
        agent,
        permissions,
        input: noInput,
        output,
        async run(input, helpers) {
          const { facts, findings } = await inspect(input, helpers);
          return succeed(judge(findings, facts));
        },
      });
  return {
    gateCheck: judged(verdictSchema, verdict),
    healthCheck: judged(healthSchema, health),
    report: ({ inspect, permissions = ['system.read'], ...task }) =>
      defineTask({
        ...task,
        agent,
        permissions,
        output: reportSchema,
        async run(input, helpers) {
          const { summary, facts, findings } = await inspect(input, helpers);
          return succeed({ summary, facts: { ...facts }, findings: [...findings] });
        },
      }),
  };
}

/** Returns one sentence on the findings: `allWell`, or how many problems there are and the worst of them. */
export function summarise(findings: readonly Finding[], allWell: string): string {
  const problems = problemsIn(findings);
  const critical = problems.filter(({ severity }) => severity === 'critical');
  const worst = critical[0] ?? problems[0];
  if (!worst) return allWell;
  const warnings = problems.length - critical.length;
  return `${critical.length} critical findings and ${warnings} warnings. The first: ${worst.message}.`;
}
