import { z } from 'zod';
import type { Agent } from '../orchestration/model/agents.ts';
import { type Task, type TaskDefinition, type TaskHelpers, defineTask } from '../orchestration/tasks/task.ts';
import { succeed } from '../platform/base/result.ts';
import { type Finding, health, healthSchema, reportSchema, verdict, verdictSchema } from './finding.ts';

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
  inspect(input: Input, helpers: TaskHelpers): Promise<Found>;
}
type WithoutInput = InspectionTask<Record<string, never>, Inspection>;

const noInput = z.strictObject({});

/**
 * Returns the definers of an agent's inspections, one for each shape of a result: a verdict for a quality gate, the health of
 * a component, and a report. Each definer makes a task that inspects and puts the facts and findings into that shape.
 */
export const inspectionsOf = (agent: Agent) => ({
  gateCheck: ({ inspect, permissions = ['system.read'], ...task }: WithoutInput): Task =>
    defineTask({
      ...task,
      agent,
      permissions,
      input: noInput,
      output: verdictSchema,
      async run(input, helpers) {
        const { facts, findings } = await inspect(input, helpers);
        return succeed(verdict(findings, facts));
      },
    }),

  healthCheck: ({ inspect, permissions = ['system.read'], ...task }: WithoutInput): Task =>
    defineTask({
      ...task,
      agent,
      permissions,
      input: noInput,
      output: healthSchema,
      async run(input, helpers) {
        const { facts, findings } = await inspect(input, helpers);
        return succeed(health(findings, facts));
      },
    }),

  report: <Input = Record<string, never>>({
    inspect,
    permissions = ['system.read'],
    input,
    ...task
  }: InspectionTask<Input, Inspection & { readonly summary: string }> & {
    readonly input: z.ZodType<Input>;
  }): Task =>
    defineTask({
      ...task,
      agent,
      permissions,
      input,
      output: reportSchema,
      async run(parsed, helpers) {
        const { summary, facts, findings } = await inspect(parsed, helpers);
        return succeed({ summary, facts: { ...facts }, findings: [...findings] });
      },
    }),
});
