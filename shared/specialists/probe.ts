import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Agent, agentNames } from '../orchestration/model/agents.ts';
import { type Task, defineTask } from '../orchestration/tasks/task.ts';
import { fail, succeed } from '../platform/base/result.ts';
import type { StateStore } from '../platform/state/stateStore.ts';

const MARK_FOR_MS = 3_600_000;

/** Where a mark is in the state: its value is the id of the delegation that set it. */
export const markKey = (tenantId: string, mark: string): string => `mreg:probe:${tenantId}:${mark}`;

const inputSchema = z.strictObject({
  waitMs: z.int().min(0).max(60_000).default(0).describe('How long to work.'),
  end: z
    .enum(['succeed', 'fail', 'fault', 'not_pass'])
    .default('succeed')
    .describe('How to end: `fault` is tried again, `not_pass` is a verdict.'),
  echo: z.unknown().optional().describe('Comes back in the result.'),
  mark: z.string().max(100).optional().describe('Is set once, however often the task runs.'),
});

/**
 * Ends as it is told to: shows that an agent is reached, how long that takes, and how plans, gates and retries go on from
 * there. Every agent has it. Its one effect is a mark, which lasts an hour.
 */
export const probes = (deps: { readonly state: StateStore }): readonly Task[] =>
  agentNames.map((agent) => probe(agent, deps.state));

function probe(agent: Agent, state: StateStore): Task {
  return defineTask({
    name: 'probe',
    permissions: ['delegations.read'],
    agent,
    description:
      'Ends as it is told to, after a while: shows that the agent is reached and how long that takes.',
    timeoutMs: 65_000,
    input: inputSchema,
    output: z.object({
      passed: z.boolean(),
      error: z.string().optional(),
      echo: z.unknown().optional(),
      evidence: z.object({ agent: z.enum(agentNames), ranAt: z.string() }),
      marked: z.enum(['now', 'before']).optional(),
    }),
    async run({ waitMs, end, echo, mark }, { tenantId, delegationId, signal, clock, progress }) {
      const key = mark === undefined ? undefined : markKey(tenantId, mark);
      const stored = key && (await state.compareAndSet(key, undefined, delegationId, MARK_FOR_MS));
      progress(`working for ${waitMs} ms`);
      await delay(waitMs, undefined, { signal });
      if (end === 'fault') throw new Error('the fault that the probe was told to meet');
      if (end === 'fail') return fail({ kind: 'unavailable', message: 'it was told to fail' });
      return succeed({
        passed: end === 'succeed',
        ...(end === 'not_pass' && { error: 'it was told not to pass' }),
        ...(echo !== undefined && { echo }),
        evidence: { agent, ranAt: clock.now().toISOString() },
        ...(stored !== undefined && { marked: stored === 'stored' ? ('now' as const) : ('before' as const) }),
      });
    },
  });
}
