import { describe, expect, test } from 'vitest';
import { agents } from '../../../../shared/orchestration/model/agents.ts';
import { type Delegation, newDelegation } from '../../../../shared/orchestration/model/delegation.ts';
import { taskCatalogue } from '../../../../shared/orchestration/tasks/taskCatalogue.ts';
import {
  judgeRoundTrip,
  type Leg,
  roundTrip,
} from '../../../../shared/specialists/mcp-debugger/roundTrip.ts';
import { probes } from '../../../../shared/specialists/probe.ts';
import { testEngine } from '../../../support/engine.ts';
import { memoryState } from '../../../support/memoryState.ts';

const leg = (step: Leg['step'], more?: Partial<Delegation>): Leg => {
  const agent = step === 'there' ? 'mcp-security-auditor' : 'mcp-orchestrator';
  const work = {
    id: 'd',
    tenantId: 't1',
    agent,
    task: 'probe',
    input: {},
    traceparent: '',
    deadline: '',
  } as const;
  const delegation = more && { ...newDelegation(work, new Date(0)), ...more };
  return { step, agent, app: agents[agent], delegation };
};
const well: Partial<Delegation> = { state: 'succeeded', attempts: 1, outcome: { success: true, result: {} } };
const timedOut: Partial<Delegation> = {
  state: 'failed',
  outcome: { success: false, error: { kind: 'timeout', message: '' } },
};

describe('the judgement of a round trip', () => {
  test.each<[string, readonly Leg[], readonly string[]]>([
    ['has no finding if both legs succeeded', [leg('there', well), leg('back', well)], []],
    [
      'names the leg whose message no agent takes',
      [leg('there', {}), leg('back')],
      ['there message_not_taken'],
    ],
    [
      'names the same leg after its timeout',
      [leg('there', timedOut), leg('back')],
      ['there message_not_taken'],
    ],
    [
      'names a probe that hangs',
      [leg('there', { state: 'running', attempts: 1 }), leg('back')],
      ['there probe_hangs'],
    ],
    [
      'names a probe that meets faults at each attempt',
      [leg('there', { attempts: 3 }), leg('back')],
      ['there probe_tried_again'],
    ],
    [
      'names a probe that fails',
      [
        leg('there', {
          ...timedOut,
          attempts: 1,
          outcome: { success: false, error: { kind: 'internal', message: '' } },
        }),
        leg('back'),
      ],
      ['there probe_failed'],
    ],
    [
      'names an mcp app that does not advance the plan',
      [leg('there', well), leg('back')],
      ['back plan_not_advanced'],
    ],
    ['names an mcp app that cannot send', [leg('there', well), leg('back', {})], ['back message_not_taken']],
  ])('%s', (_, legs, expected) => {
    const found = judgeRoundTrip(legs, { withinMs: 1, isMarked: undefined });
    expect(found.map(({ rule, evidence }) => `${String(evidence['step'])} ${rule}`)).toEqual(expected);
  });

  test('says that the apps do not share their state', () => {
    const found = judgeRoundTrip([leg('there', well), leg('back', well)], { withinMs: 1, isMarked: false });
    expect(found.map(({ rule }) => rule)).toEqual(['state_not_shared']);
  });
});

describe('a round trip', () => {
  const helpers = { tenantId: 't1', traceId: 'a'.repeat(32), signal: new AbortController().signal };
  const config = { externalAgents: new Set<string>() };

  async function travel(state: 'shared' | 'apart', more: { readonly drains?: boolean } = {}) {
    const engine = testEngine();
    const deps = { ...engine.deps, config } as unknown as Parameters<typeof roundTrip>[0];
    const tasks = taskCatalogue(
      probes({ state: state === 'shared' ? engine.deps.shortLived : memoryState(engine.deps.clock) }),
    );
    const trip = roundTrip(deps, helpers, more.drains === false ? 300 : 10_000);
    if (more.drains !== false) {
      const pump = setInterval(() => void engine.drain(tasks), 10);
      await trip.finally(() => {
        clearInterval(pump);
      });
    }
    return { ...(await trip), engine };
  }

  test('goes over both queues and reads the mark of the other app', async () => {
    const { facts, findings } = await travel('shared');
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      stateShared: true,
      legs: [{ state: 'succeeded' }, { state: 'succeeded' }],
    });
  });

  test('finds that the other app uses another state store', async () => {
    expect((await travel('apart')).findings.map(({ rule }) => rule)).toEqual(['state_not_shared']);
  });

  test('without an answer ends in time, names the leg, and leaves nothing running', async () => {
    const { findings, engine } = await travel('shared', { drains: false });
    expect(findings).toMatchObject([{ rule: 'message_not_taken', evidence: { step: 'there', app: 'mcp' } }]);
    const { items } = await engine.deps.plans.list('t1', { name: 'dual_server_round_trip' }, 10);
    expect(items.map(({ state }) => state)).toEqual(['cancelled']);
  });
});
