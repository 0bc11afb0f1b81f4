import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { type Agent, agentNames } from '../orchestration/model/agents.ts';
import { defineTask, type Task } from '../orchestration/tasks/task.ts';
import { fail, succeed } from '../platform/base/result.ts';
import type { StateStore } from '../platform/state/stateStore.ts';

const MARK_FOR_MS = 3_600_000;

/** Returns the key of a mark in the state store. The value is the id of the delegation that set the mark. */
export const markKey = (tenantId: string, mark: string): string => `mreg:probe:${tenantId}:${mark}`;

const inputSchema = z.strictObject({
  waitMs: z.int().min(0).max(60_000).default(0).describe('How long the probe runs.'),
  end: z
    .enum(['succeed', 'fail', 'fault', 'not_pass'])
    .default('succeed')
    .describe('How the probe ends: `fault` is retried, `not_pass` is a verdict.'),
  echo: z.unknown().optional().describe('Is returned in the result.'),
  mark: z.string().max(100).optional().describe('Is set once, even if the task runs several times.'),
});

/**
 * Returns the probe of every agent. A probe ends as its input says, which shows that the agent can be reached, how long that
 * takes, and what plans, gates and retries do next. Its only effect is a mark, which expires after an hour.
 */
export const probes = (deps: { readonly state: StateStore }): readonly Task[] =>
  agentNames.map((agent) => probe(agent, deps.state));

function probe(agent: Agent, state: StateStore): Task {
  return defineTask({
    name: 'probe',
    permissions: ['delegations.read'],
    agent,
    description:
      'Waits and then ends as its input says: shows that the agent can be reached and how long that takes.',
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
      progress(`waiting for ${waitMs} ms`);
      await delay(waitMs, undefined, { signal });
      if (end === 'fault') throw new Error('the fault that the input of the probe asked for');
      if (end === 'fail')
        return fail({ kind: 'unavailable', message: 'the input of the probe asked for a failure' });
      return succeed({
        passed: end === 'succeed',
        ...(end === 'not_pass' && { error: 'the input of the probe asked for a verdict that is not passed' }),
        ...(echo !== undefined && { echo }),
        evidence: { agent, ranAt: clock.now().toISOString() },
        ...(stored !== undefined && { marked: stored === 'stored' ? ('now' as const) : ('before' as const) }),
      });
    },
  });
}
