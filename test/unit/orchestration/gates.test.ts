import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { beginPlan } from '../../../shared/orchestration/engine/beginPlan.ts';
import { agents } from '../../../shared/orchestration/model/agents.ts';
import { failedCheck, gateStatus } from '../../../shared/orchestration/model/plan.ts';
import { startPlan } from '../../../shared/orchestration/model/planProgress.ts';
import {
  gatesOf,
  gateSteps,
  type QualityGates,
  runGate,
  standardGates,
} from '../../../shared/orchestration/plans/qualityGates.ts';
import { requestPlan } from '../../../shared/orchestration/plans/requestPlan.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';

/** A check that passes or not as its name says, and notes that it ran. */
const ran: string[] = [];
const check = (name: string, passed: () => boolean = () => true) =>
  defineTask({
    name,
    agent: 'mcp-debugger',
    permissions: ['delegations.read'],
    description: '',
    timeoutMs: 1_000,
    input: z.object({}),
    output: z.unknown(),
    run: () => {
      ran.push(name);
      return Promise.resolve(
        succeed(passed() ? { passed: true, evidence: 'seen' } : { passed: false, error: 'bad' }),
      );
    },
  });
const gate = (...checks: [name: string, severity: 'critical' | 'warning'][]): QualityGates => ({
  mine: checks.map(([name, severity]) => ({ check: name, agent: 'mcp-debugger' as const, severity })),
});

async function run(gates: QualityGates, failing: readonly string[] = [], engine = testEngine({}, gates)) {
  ran.length = 0;
  const names = gates['mine']?.map(({ check: name }) => name) ?? [];
  const tasks = taskCatalogue(names.map((name) => check(name, () => !failing.includes(name))));
  const begun = await runGate({ gate: 'mine' }, caller, tasks, engine.deps);
  if (!begun.ok) throw new Error(begun.error.message);
  await engine.drain(tasks);
  const plan = (await engine.deps.plans.find('t1', begun.value.id))?.value;
  if (!plan) throw new Error('the run is gone');
  return { plan, engine };
}

test('the standard gates are those of the description, check by check, each with its agent', () => {
  const rows = Object.entries(standardGates).map(([name, checks]) => [
    name,
    ...checks.map(({ check: id }) => id),
  ]);
  expect(rows).toEqual([
    [
      'pre_deployment',
      'database_health_check',
      'redis_connectivity_test',
      'azure_oauth_validation',
      'mcp_server_health',
      'management_server_health',
    ],
    [
      'post_deployment',
      'dual_server_communication_test',
      'oauth_flow_end_to_end_test',
      'database_performance_validation',
      'middleware_chain_validation',
      'audit_logging_verification',
    ],
    [
      'security_validation',
      'jwt_token_validation_test',
      'role_based_access_test',
      'tenant_isolation_test',
      'audit_trail_completeness',
      'azure_app_registration_validation',
    ],
  ]);
  // What only the mcp app sees is checked there.
  expect(agents[standardGates.pre_deployment[3].agent]).toBe('mcp');
  expect(agents[standardGates.pre_deployment[4].agent]).toBe('management');
});

describe('a gate', () => {
  test('passes when every check does, in their order, and gives back what it held of the pools', async () => {
    const { plan, engine } = await run(gate(['a', 'critical'], ['b', 'warning'], ['c', 'critical']));
    expect([gateStatus(plan), ran]).toEqual(['passed', ['a', 'b', 'c']]);
    expect(
      (await engine.deps.pools.usage({ tenantId: 't1', app: 'management' })).map(({ inUse }) => inUse),
    ).toEqual([0, 0, 0]);
  });

  test('fails at the first critical check that does not pass, and those after it do not run', async () => {
    const { plan } = await run(gate(['a', 'critical'], ['b', 'critical'], ['c', 'critical']), ['b']);
    expect([gateStatus(plan), failedCheck(plan), ran]).toEqual(['failed', 'b', ['a', 'b']]);
    expect(plan.steps[1]?.error).toEqual({ kind: 'not_passed', message: 'bad' });
  });

  test('goes on after a warning and passes all the same', async () => {
    const { plan } = await run(gate(['a', 'warning'], ['b', 'critical']), ['a']);
    expect([gateStatus(plan), failedCheck(plan), ran]).toEqual(['passed', undefined, ['a', 'b']]);
  });

  test('that ends otherwise than the time before raises deployment_status, once', async () => {
    const gates = gate(['a', 'critical']);
    const engine = testEngine({}, gates);
    const events = async () =>
      (await engine.deps.delegations.list('t1', {}, 99)).items
        .filter(({ task }) => task === 'handle_deployment_status')
        .map(({ agent, input }) => [agent, (input as { detail: { before: string; status: string } }).detail]);
    await run(gates, [], engine);
    const passed = { gate: 'mine', status: 'passed', before: 'unknown', run: expect.any(String) as string };
    const first = [
      ['mcp-deployment-specialist', passed],
      ['mcp-orchestrator', passed],
    ];
    expect(await events()).toEqual(first);
    await run(gates, [], engine);
    expect(await events()).toEqual(first);
    await run(gates, ['a'], engine);
    expect(await events()).toHaveLength(4);
  });

  test('that ends while Redis is away raises it too, as nobody knows how the run before it ended', async () => {
    const gates = gate(['a', 'critical']);
    const engine = testEngine({}, gates);
    const tasks = taskCatalogue([check('a')]);
    await runGate({ gate: 'mine' }, caller, tasks, engine.deps);
    engine.setStateAway(true);
    await engine.drain(tasks);
    const { items } = await engine.deps.delegations.list('t1', {}, 99);
    expect(items.filter(({ task }) => task === 'handle_deployment_status')).toHaveLength(2);
  });

  test('is refused by the nearest name that is known, or for want of checks', async () => {
    const { deps } = testEngine();
    const none = taskCatalogue([]);
    expect(await runGate({ gate: 'pre_deploymnt' }, caller, none, deps)).toMatchObject({
      error: { kind: 'not_found', message: expect.stringContaining('"pre_deployment"') as string },
    });
    expect(await runGate({ gate: 'pre_deployment' }, caller, none, deps)).toMatchObject({
      error: { kind: 'not_found', message: expect.stringContaining('redis_connectivity_test') as string },
    });
    expect(await runGate({ gate: 'toString' }, caller, none, deps)).toMatchObject({
      error: { kind: 'not_found' },
    });
  });
});

test.each([
  ['deployment', 2],
  ['ad_hoc', 0],
])('a plan %s that ends is told to %i agents that watch deployments', async (name, told) => {
  const engine = testEngine();
  const tasks = taskCatalogue([check('a', () => false)]);
  const start = { id: 'a1', tenantId: 't1', name, requestedBy: 'u', traceparent: '' };
  const step = { id: 'a', agent: 'mcp-debugger' as const, task: 'a', input: {} };
  await beginPlan(start, [step], engine.deps);
  await engine.drain(tasks);
  const events = (await engine.deps.delegations.list('t1', {}, 99)).items.filter(
    ({ task }) => task === 'handle_deployment_status',
  );
  expect(events.map(({ input }) => (input as { detail: object }).detail)).toEqual(
    Array.from({ length: told }, () => ({ plan: 'a1', name, status: 'failed' })),
  );
});

test('a plan of steps that stop is not begun by a check that waits for an earlier one', () => {
  const start = { id: 'p', tenantId: 't', name: 'g', requestedBy: 'u', traceparent: '' };
  const plan = startPlan(start, gateSteps(standardGates.pre_deployment), new Date());
  expect(plan.steps.map(({ state }) => state)).toEqual([
    'queued',
    'waiting',
    'waiting',
    'waiting',
    'waiting',
  ]);
});

describe('gates of the settings', () => {
  const own = { check: 'probe', agent: 'mcp-debugger', severity: 'critical' } as const;
  test('a gate with the name of a plan is run in place of the plan', async () => {
    const { deps } = testEngine({}, { server_removal: [own] });
    const begun = await requestPlan(
      { name: 'server_removal' },
      caller,
      taskCatalogue([check('probe')]),
      deps,
    );
    expect(begun).toMatchObject({ ok: true, value: { gate: 'server_removal', steps: [{ id: 'probe' }] } });
  });

  test('stand beside the standard ones', () => {
    expect(Object.keys(gatesOf({ nightly: [own] }))).toEqual([...Object.keys(standardGates), 'nightly']);
  });

  test.each([
    [{ pre_deployment: [own] }, 'the gate pre_deployment is a standard one'],
    [{ nightly: [own, own] }, 'has a check twice'],
    [{ nightly: [{ ...own, agent: 'nobody' }] }, 'unknown agent; known agents: mcp-orchestrator'],
  ])('%j are refused: %s', (configured, words) => {
    expect(() => gatesOf(configured)).toThrow(words);
  });
});
