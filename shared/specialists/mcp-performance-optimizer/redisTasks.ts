import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { health, healthSchema, reportSchema, verdict, verdictSchema } from '../finding.ts';
import { timeFor } from './measure.ts';
import { stateFindings } from './stateFindings.ts';
import { type StateLook, lookAtState, redisFigures, stateFacts } from './measureState.ts';

const agent = 'mcp-performance-optimizer';

/** The tasks about the store of short-lived state: Redis, or the tables where there is none. */
export function redisTasks(deps: Pick<SpecialistDeps, 'state'>): readonly Task[] {
  return [
    defineTask({
      name: 'redis_caching_strategy',
      permissions: ['system.read'],
      agent,
      description:
        'Measures Redis with values of its own and reads its figures: latency, hit ratio, memory, evictions, and the times of keys by prefix. Says what to change, and measures the tables where the state is there.',
      timeoutMs: 20_000,
      input: z.strictObject({
        times: z.int().min(5).max(200).default(50).describe('How often each operation is measured.'),
      }),
      output: reportSchema,
      async run({ times }, helpers) {
        const withinMs = timeFor(helpers, 15_000);
        const look = await lookAtState(deps, helpers, { withinMs, times, keys: true });
        return succeed({
          summary: summaryOf(look),
          facts: stateFacts(look),
          findings: [...stateFindings(look)],
        });
      },
    }),
    defineTask({
      name: 'redis_connectivity_test',
      permissions: ['system.read'],
      agent,
      description:
        'Writes, reads and removes a few values of its own in the store of short-lived state, which is Redis, or the tables where there is none.',
      timeoutMs: 10_000,
      input: z.strictObject({}),
      output: verdictSchema,
      async run(_, helpers) {
        const withinMs = timeFor(helpers, 6_000);
        const look = await lookAtState(deps, helpers, { withinMs, times: 5, keys: false });
        return succeed(verdict(stateFindings(look), stateFacts(look)));
      },
    }),
    defineTask({
      name: 'check_redis_connectivity',
      permissions: ['system.read'],
      agent,
      description:
        'Whether the store of short-lived state answers, and within its budget: a short look for the health check.',
      timeoutMs: 3_000,
      input: z.strictObject({}),
      output: healthSchema,
      async run(_, helpers) {
        const withinMs = timeFor(helpers, 2_200);
        const look = await lookAtState(deps, helpers, { withinMs, times: 3, keys: false });
        return succeed(health(stateFindings(look), stateFacts(look)));
      },
    }),
  ];
}

/** What a look came to, in one sentence. */
export function summaryOf({ kind, set, get, info }: StateLook): string {
  const store = kind === 'redis' ? 'Redis' : 'the table of the state';
  if (!get.times || !set.times) return `Nothing could be measured of ${store}.`;
  const ratio = info?.last && redisFigures(info.last).hitRatio;
  const found = ratio === undefined ? '' : `, and ${Math.round(ratio * 100)} % of all reads found something`;
  return `A read of ${store} takes ${get.times.p50Ms} ms in the median and a write ${set.times.p50Ms} ms${found}.`;
}
