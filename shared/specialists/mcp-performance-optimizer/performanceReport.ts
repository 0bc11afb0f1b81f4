import { z } from 'zod';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { tableFacts } from './databaseTasks.ts';
import { timeFor } from './measure.ts';
import { type PipelineLook, lookAtPipeline } from './measurePipeline.ts';
import { pipelineFacts, pipelineFindings, pipelineSummary } from './pipelineTasks.ts';
import { summaryOf } from './redisTasks.ts';
import { stateFindings } from './stateFindings.ts';
import { type StateLook, lookAtState, stateFacts } from './measureState.ts';
import { tableFindings } from './judgeTables.ts';
import { type TablesLook, lookAtTables } from './measureTables.ts';
import { tokenFacts, tokenFindings, tokenSummary } from './tokenTasks.ts';
import { type TokensLook, lookAtTokens } from './measureTokens.ts';

export type PerformanceDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'clock' | 'state'>;

/** Everything that can be measured, each within its share of the time. */
export interface WholeLook {
  readonly tables: TablesLook;
  readonly state: StateLook;
  readonly tokens: TokensLook;
  readonly pipeline: PipelineLook;
}

/** Measures all parts one after another: at once they would measure each other. Together they take 25 seconds at most. */
export async function lookAtAll(
  deps: PerformanceDeps,
  helpers: TaskHelpers,
  { times, keys }: { readonly times: number; readonly keys: boolean },
): Promise<WholeLook> {
  const within = (ms: number) => ({ withinMs: timeFor(helpers, ms), times });
  helpers.progress('measuring the state');
  const state = await lookAtState(deps, helpers, { ...within(4_000), keys });
  helpers.progress('measuring the verification of tokens');
  const tokens = await lookAtTokens(deps, helpers, within(5_000));
  helpers.progress('measuring both apps');
  const pipeline = await lookAtPipeline(deps, helpers, within(8_000));
  helpers.progress('measuring the tables');
  const tables = await lookAtTables(deps, helpers, { ...within(8_000), count: keys });
  return { tables, state, tokens, pipeline };
}

/** What follows from all looks, the worst first. What two of them say alike is said once. */
export function allFindings({ tables, state, tokens, pipeline }: WholeLook): Finding[] {
  const found = [
    ...tableFindings(tables),
    ...stateFindings(state),
    ...tokenFindings(tokens),
    ...pipelineFindings(pipeline),
  ];
  const order = ['critical', 'warning', 'info'];
  return found
    .filter(({ rule }, index) => {
      const isSaid = found.findIndex((other) => other.rule === rule) < index;
      return rule !== 'session_without_token' || !isSaid;
    })
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** The figures of all looks by topic. */
export const allFacts = ({ tables, state, tokens, pipeline }: WholeLook): Record<string, unknown> => ({
  tables: tableFacts(tables),
  state: stateFacts(state),
  tokens: tokenFacts(tokens),
  pipeline: pipelineFacts(pipeline),
});

/** The report on speed. */
export const generatePerformanceReport = (deps: PerformanceDeps): Task =>
  defineTask({
    name: 'generate_performance_report',
    permissions: ['system.read'],
    agent: 'mcp-performance-optimizer',
    description:
      'Measures the tables, the store of short-lived state, the verification of tokens and both apps, and reports percentiles of each and what to change.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const look = await lookAtAll(deps, helpers, { times: 25, keys: true });
      const findings = allFindings(look);
      const wrong = findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule);
      const said =
        wrong.length === 0 ? 'All parts keep their budgets.' : `Not as it should be: ${wrong.join(', ')}.`;
      return succeed({
        summary: `${said} ${pipelineSummary(look.pipeline)}`,
        facts: {
          ...allFacts(look),
          inWords: { state: summaryOf(look.state), tokens: tokenSummary(look.tokens) },
        },
        findings,
      });
    },
  });
