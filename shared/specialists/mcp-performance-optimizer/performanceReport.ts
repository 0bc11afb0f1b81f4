import * as z from 'zod';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, problemsIn } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { tableFacts } from './databaseTasks.ts';
import { tableFindings } from './judgeTables.ts';
import { timeFor } from './measure.ts';
import { measurePipeline, type PipelineMeasurements } from './measurePipeline.ts';
import { measureState, stateFacts, type StateMeasurements } from './measureState.ts';
import { measureTables, type TableMeasurements } from './measureTables.ts';
import { measureTokens, type TokenMeasurements } from './measureTokens.ts';
import { pipelineFacts, pipelineFindings, pipelineSummary } from './pipelineTasks.ts';
import { stateFindings, stateSummary } from './redisTasks.ts';
import { tokenFacts, tokenFindings, tokenSummary } from './tokenTasks.ts';

export type PerformanceDeps = Pick<
  SpecialistDeps,
  'config' | 'authority' | 'outbound' | 'clock' | 'state' | 'openTableProbe'
>;

/** The measurements of all parts, each within its share of the time. */
export interface AllMeasurements {
  readonly tables: TableMeasurements;
  readonly state: StateMeasurements;
  readonly tokens: TokenMeasurements;
  readonly pipeline: PipelineMeasurements;
}

/** Measures all parts one after another, since parallel measurements would slow each other. Takes 25 seconds at most. */
export async function measureAll(
  deps: PerformanceDeps,
  helpers: TaskHelpers,
  { times, keys }: { readonly times: number; readonly keys: boolean },
): Promise<AllMeasurements> {
  const within = (ms: number) => ({ withinMs: timeFor(helpers, ms), times });
  helpers.progress('measuring the state');
  const state = await measureState(deps, helpers, { ...within(4_000), keys });
  helpers.progress('measuring the verification of tokens');
  const tokens = await measureTokens(deps, helpers, within(5_000));
  helpers.progress('measuring both apps');
  const pipeline = await measurePipeline(deps, helpers, within(8_000));
  helpers.progress('measuring the tables');
  const tables = await measureTables(deps, helpers, { ...within(8_000), count: keys });
  return { tables, state, tokens, pipeline };
}

/** Judges all measurements, the worst finding first. Two tasks report a session without token, which is shown once. */
export function allFindings({ tables, state, tokens, pipeline }: AllMeasurements): Finding[] {
  const found = [
    ...tableFindings(tables),
    ...stateFindings(state),
    ...tokenFindings(tokens),
    ...pipelineFindings(pipeline),
  ];
  const order = ['critical', 'warning', 'info'];
  return found
    .filter(({ rule }, index) => {
      const isShown = found.findIndex((other) => other.rule === rule) < index;
      return rule !== 'session_without_token' || !isShown;
    })
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** The figures of all measurements by topic. */
export const allFacts = ({ tables, state, tokens, pipeline }: AllMeasurements): Record<string, unknown> => ({
  tables: tableFacts(tables),
  state: stateFacts(state),
  tokens: tokenFacts(tokens),
  pipeline: pipelineFacts(pipeline),
});

/** The task that reports on performance. */
export const generatePerformanceReport = (deps: PerformanceDeps): Task =>
  inspectionsOf('mcp-performance-optimizer').report({
    name: 'generate_performance_report',
    description:
      'Measures the tables, the state store, the verification of tokens and both apps, and reports percentiles of each and what to change.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    async inspect(_, helpers) {
      const measured = await measureAll(deps, helpers, { times: 25, keys: true });
      const findings = allFindings(measured);
      const problems = problemsIn(findings).map(({ rule }) => rule);
      const state =
        problems.length === 0 ? 'All parts keep their budgets.' : `Problems: ${problems.join(', ')}.`;
      return {
        summary: `${state} ${pipelineSummary(measured.pipeline)}`,
        facts: {
          ...allFacts(measured),
          inWords: { state: stateSummary(measured.state), tokens: tokenSummary(measured.tokens) },
        },
        findings,
      };
    },
  });
