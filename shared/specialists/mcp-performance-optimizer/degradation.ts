import { z } from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { reportSchema } from '../finding.ts';
import { eventSchema } from '../eventHandlers.ts';
import { operationsBySlowness } from './judgeTables.ts';
import {
  type PerformanceDeps,
  type WholeLook,
  allFacts,
  allFindings,
  lookAtAll,
} from './performanceReport.ts';
import { type StageName, type Stages, splitStages, stageNames } from './measurePipeline.ts';

const agent = 'mcp-performance-optimizer';

/** What the event may tell of the slow answers. Who raises one by hand may tell anything. */
const detailSchema = z.object({
  subject: z.string().max(100).optional().catch(undefined),
  durationMs: z.number().min(0).optional().catch(undefined),
  stages: z.record(z.string(), z.number().min(0)).catch({}),
});

interface Compared {
  readonly stage: StageName;
  /** In the answer that was slow. */
  readonly thenMs: number;
  /** The median of what the stage stands on. */
  readonly nowMs: number | undefined;
  readonly of: string;
}

/** What each stage stands on, as it is measured without the route's own request, which only its caller may send. */
function standsOn(
  stage: StageName,
  { tables, state, tokens, pipeline }: WholeLook,
): Omit<Compared, 'stage' | 'thenMs'> {
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
      return { nowMs: undefined, of: 'a server behind the gateway, which is not asked' };
    case 'handling':
      return {
        nowMs: Math.max(slowest?.times.p50Ms ?? 0, state.get.times?.p50Ms ?? 0),
        of: slowest
          ? `the slowest operation, a ${slowest.operation} in the table ${slowest.table}`
          : 'the tables',
      };
  }
}

function compare(then: Stages, now: WholeLook): readonly Compared[] {
  return stageNames
    .map((stage) => ({ stage, thenMs: then[stage] ?? 0, ...standsOn(stage, now) }))
    .filter(({ thenMs }) => thenMs > 0)
    .sort((a, b) => b.thenMs - a.thenMs);
}

/** When answers were slow: measures now what they stand on, stage by stage, and records whether it is slow still. */
export const handlePerformanceDegradation = (
  deps: PerformanceDeps & { readonly audit: Pick<Audit, 'append'> },
): Task =>
  defineTask({
    name: 'handle_performance_degradation',
    permissions: ['system.read'],
    agent,
    description:
      'Measures now what slow answers stood on, compares it with the times that the event tells stage by stage, and records in the audit trail what is over its budget still.',
    timeoutMs: 30_000,
    input: eventSchema,
    output: reportSchema.extend({
      recorded: z.literal(true),
      persists: z.boolean().describe('Whether something is over its budget now.'),
    }),
    async run({ eventId, raisedAt, detail }, helpers) {
      const { subject = 'unnamed', durationMs, stages } = detailSchema.parse(detail);
      const look = await lookAtAll(deps, helpers, { times: 10, keys: false });
      const findings = allFindings(look);
      const wrong = findings.filter(({ severity }) => severity !== 'info');
      const comparison =
        durationMs === undefined
          ? []
          : compare(splitStages(durationMs, new Map(Object.entries(stages))), look);
      const record = (action: string, outcome: 'succeeded' | 'not_passed') => {
        deps.audit.append({
          tenantId: helpers.tenantId,
          actor: agent,
          action,
          resource: `events/${eventId}`,
          decision: 'allowed',
          outcome,
          durationMs: Math.max(0, helpers.clock.now().getTime() - Date.parse(raisedAt)),
          traceId: helpers.traceId,
        });
      };
      record('events.performance_degradation', 'succeeded');
      for (const { rule } of wrong) record(`findings.${rule}`, 'not_passed');
      const [worst] = comparison;
      const then = worst
        ? `${subject} took ${durationMs} ms, ${Math.round(worst.thenMs)} ms of it in the stage ${worst.stage}; now ${worst.of} takes ${worst.nowMs ?? 'an unknown number of'} ms.`
        : `${subject} was slow; the event does not say in which stage.`;
      const now =
        wrong.length === 0
          ? 'Nothing is over its budget now.'
          : `Still wrong: ${wrong.map(({ rule }) => rule).join(', ')}.`;
      return succeed({
        summary: `${then} ${now}`,
        facts: { subject, comparison, ...allFacts(look) },
        findings,
        recorded: true as const,
        persists: wrong.length > 0,
      });
    },
  });
