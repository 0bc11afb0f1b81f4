import * as z from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { auditEvent, eventSchema } from '../eventHandlers.ts';
import { problemsIn, reportSchema } from '../finding.ts';
import { operationsBySlowness } from './judgeTables.ts';
import { splitStages, type StageName, stageNames, type Stages } from './measurePipeline.ts';
import {
  allFacts,
  allFindings,
  type AllMeasurements,
  measureAll,
  type PerformanceDeps,
} from './performanceReport.ts';

const agent = 'mcp-performance-optimizer';

/** The detail of an event about slow answers. A user may raise such an event with any detail. */
const detailSchema = z.object({
  subject: z.string().max(100).optional().catch(undefined),
  durationMs: z.number().min(0).optional().catch(undefined),
  stages: z.record(z.string(), z.number().min(0)).catch({}),
});

interface ComparedStage {
  readonly stage: StageName;
  /** The time in the slow answer. */
  readonly thenMs: number;
  /** The median of the operation that the stage depends on. */
  readonly nowMs: number | undefined;
  readonly of: string;
}

/** Returns the operation that a stage depends on. The request of the route itself is not measured: only its caller may send it. */
function basisOf(
  stage: StageName,
  { tables, state, tokens, pipeline }: AllMeasurements,
): Omit<ComparedStage, 'stage' | 'thenMs'> {
  const [health] = pipeline.requests;
  const [slowest] = operationsBySlowness(tables);
  const servers = tables.tables.find(({ table }) => table === 'servers');
  switch (stage) {
    case 'outside':
    case 'body':
      return { nowMs: health?.total?.p50Ms, of: 'an answer to /health' };
    case 'admission':
      return { nowMs: tokens.warm.times?.p50Ms, of: 'the verification of a token' };
    case 'catalogue':
      return { nowMs: servers?.read?.p50Ms, of: 'a point read of the table servers' };
    case 'upstream':
      return { nowMs: undefined, of: 'a server behind the gateway, which is not measured' };
    case 'handling':
      return {
        nowMs: Math.max(slowest?.times.p50Ms ?? 0, state.get.times?.p50Ms ?? 0),
        of: slowest
          ? `the slowest operation, a ${slowest.operation} in the table ${slowest.table}`
          : 'the tables',
      };
  }
}

function compare(then: Stages, now: AllMeasurements): readonly ComparedStage[] {
  return stageNames
    .map((stage) => ({ stage, thenMs: then[stage] ?? 0, ...basisOf(stage, now) }))
    .filter(({ thenMs }) => thenMs > 0)
    .sort((a, b) => b.thenMs - a.thenMs);
}

/** The task that handles slow answers: measures now what they depended on, and records whether it is still slow. */
export const handlePerformanceDegradation = (
  deps: PerformanceDeps & { readonly audit: Pick<Audit, 'append'> },
): Task =>
  defineTask({
    name: 'handle_performance_degradation',
    permissions: ['system.read'],
    agent,
    description:
      'Measures now what slow answers depended on, compares it stage by stage with the times in the event, and records in the audit trail what is still over its budget.',
    timeoutMs: 30_000,
    input: eventSchema,
    output: reportSchema.extend({
      recorded: z.literal(true),
      persists: z.boolean().describe('Whether something is over its budget now.'),
    }),
    async run(event, helpers) {
      const { subject = 'unnamed', durationMs, stages } = detailSchema.parse(event.detail);
      const measured = await measureAll(deps, helpers, { times: 10, keys: false });
      const findings = allFindings(measured);
      const problems = problemsIn(findings).map(({ rule }) => rule);
      const comparison =
        durationMs === undefined
          ? []
          : compare(splitStages(durationMs, new Map(Object.entries(stages))), measured);
      const { record } = auditEvent(agent, event, helpers, deps.audit);
      record('events.performance_degradation', 'succeeded');
      for (const rule of problems) record(`findings.${rule}`, 'not_passed');
      const [worst] = comparison;
      const then = worst
        ? `${subject} took ${durationMs} ms, ${Math.round(worst.thenMs)} ms of it in the stage ${worst.stage}; now ${worst.of} takes ${worst.nowMs ?? 'an unknown number of'} ms.`
        : `${subject} was slow; the event does not say in which stage.`;
      const now =
        problems.length === 0 ? 'Nothing is over its budget now.' : `Still wrong: ${problems.join(', ')}.`;
      return succeed({
        summary: `${then} ${now}`,
        facts: { subject, comparison, ...allFacts(measured) },
        findings,
        recorded: true as const,
        persists: problems.length > 0,
      });
    },
  });
