import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type HealthDeps } from '../../../shared/health/checkComponents.ts';
import { createHealthCheck } from '../../../shared/health/checkHealth.ts';
import { healthCheckPlan } from '../../../shared/orchestration/plans/healthCheck.ts';
import { defineTask, type Task } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { caller, type Faults, testEngine } from '../../support/engine.ts';
import { recordingLog } from '../../support/gateway.ts';

const { steps } = healthCheckPlan;
const names = steps.map(({ id }) => id);
const isWell = succeed({ status: 'healthy', evidence: {}, findings: [] });

/** The engine with agents that all find their parts well, but for what the test says. */
function system(found: Record<string, Result<unknown>> = {}, faults: Faults = {}) {
  const runs: string[] = [];
  const tasks = taskCatalogue(
    steps.map(({ id, task, agent }): Task =>
      defineTask({
        name: task,
        agent,
        permissions: ['delegations.read'],
        description: '',
        timeoutMs: 1_000,
        input: z.unknown(),
        output: z.unknown(),
        run: () => (runs.push(id), Promise.resolve(found[id] ?? isWell)),
      }),
    ),
  );
  const engine = testEngine(faults);
  const log = recordingLog();
  const deps: HealthDeps = { ...engine.deps, log, tasks: () => Promise.resolve(tasks) };
  /** Lets the agents work for as long as somebody waits for them. */
  async function working<T>(check: Promise<T>): Promise<T> {
    const waiting = new Set([check]);
    const done = check.finally(() => waiting.delete(check));
    while (waiting.size > 0) {
      await engine.drain(tasks);
      await new Promise((turn) => setImmediate(turn));
    }
    return done;
  }
  return { engine, deps, health: createHealthCheck(deps), log, runs, working };
}

const unavailable = fail({ kind: 'unavailable', message: 'connection refused' });
const changes = ({ log }: ReturnType<typeof system>) =>
  log.lines
    .filter(({ event }) => event === 'health_changed')
    .map(({ fields }) => [fields['component'], fields['before'], fields['after']]);

describe('the health of the system', () => {
  test('has a component for each step of the plan, and those that the instance probes', async () => {
    const { health, working } = system();
    const report = await working(health.current(caller));
    expect(report.overallStatus).toBe('healthy');
    expect(Object.keys(report.components).sort()).toEqual([...names, 'state_store', 'tables'].sort());
  });

  test('names the component whose task failed, with its reason, and no other', async () => {
    const { health, working } = system({ redis_health: unavailable });
    expect(await working(health.current(caller))).toMatchObject({
      overallStatus: 'unhealthy',
      failedServices: ['redis_health'],
      degradedServices: [],
      components: { redis_health: { status: 'failed', error: { message: 'connection refused' } } },
    });
  });

  test('is checked once in a few seconds, unless a caller wants a new check', async () => {
    const { health, working, runs, engine } = system();
    const first = await working(health.current(caller));
    expect(await working(health.current(caller))).toEqual(first);
    expect(runs).toHaveLength(names.length);
    await working(health.anew(caller, 10_000));
    expect(runs).toHaveLength(2 * names.length);
    engine.advance(6);
    await working(health.current(caller));
    expect(runs).toHaveLength(3 * names.length);
  });

  test('is checked by one instance at a time; the others return its report', async () => {
    const { health, deps, working, runs } = system();
    const other = createHealthCheck(deps);
    const [one, two] = await working(Promise.all([health.current(caller), other.current(caller)]));
    expect(two).toEqual(one);
    expect(runs).toHaveLength(names.length);
  });

  test('a caller who wants a new check gets no report of a check that was under way', async () => {
    const { health, deps, engine } = system();
    const underWay = health.current(caller);
    await expect.poll(() => engine.queue.length).toBe(names.length);
    const fresh = createHealthCheck(deps).anew(caller, 20_000);
    await expect.poll(() => engine.queue.length).toBe(2 * names.length);
    engine.advance(16);
    await underWay;
    expect((await fresh).failedServices.sort()).toEqual([...names].sort());
  });

  test(
    'an instance that does not end its check is waited for in vain by no more than one check',
    {
      timeout: 15_000,
    },
    async () => {
      const { health, deps, working, runs } = system();
      await deps.shortLived.claim(`mreg:health:${caller.actor.tenantId}:look`, 60_000);
      const callers = Array.from({ length: 20 }, () => health.current(caller));
      for (const report of await working(Promise.all(callers))) expect(report.overallStatus).toBe('healthy');
      expect(runs).toHaveLength(names.length);
    },
  );

  test('callers at the same moment who want a new check share two: the one that runs, and the next', async () => {
    const { health, working, runs } = system();
    const callers = Array.from({ length: 20 }, () => health.anew(caller, 20_000));
    const [first, ...others] = await working(Promise.all(callers));
    expect(new Set(others).size).toBe(1);
    expect(others).not.toContain(first);
    expect(runs).toHaveLength(2 * names.length);
  });

  test('a new check that hangs does not delay the next one for long', async () => {
    const { health, engine, working } = system();
    const hangs = health.anew(caller, 2_000);
    await expect.poll(() => engine.queue.length).toBe(names.length);
    engine.queue.length = 0;
    const next = await working(health.anew(caller, 2_000));
    expect(next.overallStatus).toBe('healthy');
    expect((await hangs).overallStatus).toBe('degraded');
  });

  test('a new check after one that failed unexpectedly is a check of its own', async () => {
    const { deps, working } = system();
    let calls = 0;
    const tasks: HealthDeps['tasks'] = () =>
      (calls += 1) === 1 ? Promise.reject(new Error('a bug')) : deps.tasks();
    const health = createHealthCheck({ ...deps, tasks });
    const [bug, next] = await working(
      Promise.allSettled([health.anew(caller, 20_000), health.anew(caller, 20_000)]),
    );
    expect(bug.status).toBe('rejected');
    expect(next).toMatchObject({ value: { overallStatus: 'healthy' } });
  });

  test('is cached for each tenant', async () => {
    const { health, working, runs } = system();
    await working(health.current(caller));
    const stranger = { ...caller, actor: { ...caller.actor, tenantId: 't2' } };
    await working(health.current(stranger));
    expect(runs).toHaveLength(2 * names.length);
  });

  test('says how long it waited for an agent that does not answer', async () => {
    const { health, engine } = system();
    const check = health.current(caller);
    await expect.poll(() => engine.queue.length).toBe(names.length);
    engine.advance(16);
    const report = await check;
    expect(report.failedServices.sort()).toEqual([...names].sort());
    expect(report.components['redis_health']?.error?.message).toBe(
      'mcp-performance-optimizer has not answered within 3 seconds: its app or the queue to it may be down',
    );
  });

  test('is degraded and not cached if the caller waits for less than the timeout of the agents', async () => {
    const { health, working } = system();
    const short = await health.anew(caller, 1_000);
    expect(short).toMatchObject({ overallStatus: 'degraded', degradedServices: names });
    expect((await working(health.current(caller))).overallStatus).toBe('healthy');
  });

  test('names tasks that do not exist', async () => {
    const { deps } = system();
    const health = createHealthCheck({ ...deps, tasks: () => Promise.resolve(taskCatalogue([])) });
    const report = await health.current(caller);
    expect(report.failedServices).toEqual(names);
    expect(report.components['redis_health']?.error?.message).toContain('no agent has these tasks');
  });
});

describe('if a part is down', () => {
  test('storage: the check ends, the tables have failed and the agents were not asked', async () => {
    const { health, log } = system({}, { deadFrom: 1 });
    const report = await health.current(caller);
    expect(report).toMatchObject({
      overallStatus: 'unhealthy',
      components: {
        tables: { status: 'failed', error: { kind: 'unavailable' } },
        state_store: { status: 'failed' },
        redis_health: { status: 'failed', error: { kind: 'unavailable' } },
      },
    });
    expect(log.lines.map(({ event }) => event)).toContain('health_check_failed');
  });

  test('storage that hangs: the check does not wait for it', { timeout: 15_000 }, async () => {
    const { deps } = system();
    const never = () => new Promise<never>(() => undefined);
    const health = createHealthCheck({ ...deps, plans: { ...deps.plans, add: never, find: never } });
    expect(await health.anew(caller, 1_000)).toMatchObject({
      components: { tables: { error: { kind: 'timeout' } }, redis_health: { error: { kind: 'timeout' } } },
    });
  });

  test('storage that hangs during the check: the agents still reach their timeouts', async () => {
    const { deps, engine } = system();
    let isAway = false;
    const never = new Promise<never>(() => undefined);
    const find: typeof deps.plans.find = (...row) => (isAway ? never : deps.plans.find(...row));
    const check = createHealthCheck({ ...deps, plans: { ...deps.plans, find } }).anew(caller, 1_000);
    await expect.poll(() => engine.queue.length).toBe(names.length);
    isAway = true;
    engine.advance(16);
    expect((await check).failedServices).toEqual(expect.arrayContaining(names));
  });

  test('the state store: the agents are asked anyway', async () => {
    const { deps, working } = system();
    const away = () => Promise.reject(new InfrastructureError('redis', 'test', undefined));
    const shortLived = { ...deps.shortLived, get: away, claim: away, set: away };
    const report = await working(createHealthCheck({ ...deps, shortLived }).current(caller));
    expect(report.failedServices).toEqual(['state_store']);
  });

  test('an unexpected error is thrown', async () => {
    const { deps } = system();
    const broken = () => Promise.reject(new Error('a bug'));
    await expect(createHealthCheck({ ...deps, tasks: broken }).current(caller)).rejects.toThrow('a bug');
  });
});

describe('a change', () => {
  test('is logged once when it starts and once when it ends', async () => {
    const found: Record<string, Result<unknown>> = {};
    const run = system(found);
    await run.working(run.health.sweep(caller));
    expect(changes(run)).toEqual([]);
    found['redis_health'] = unavailable;
    await run.working(run.health.sweep(caller));
    await run.working(run.health.sweep(caller));
    found['redis_health'] = isWell;
    await run.working(run.health.sweep(caller));
    expect(changes(run)).toEqual([
      ['redis_health', 'healthy', 'failed'],
      ['redis_health', 'failed', 'healthy'],
    ]);
  });

  test('is not logged if an agent was only late: the timer checks again', async () => {
    const run = system();
    const check = run.health.sweep(caller);
    await expect.poll(() => run.engine.queue.length).toBe(names.length);
    run.engine.queue.length = 0;
    run.engine.advance(16);
    const report = await run.working(check);
    expect([report.overallStatus, changes(run)]).toEqual(['healthy', []]);
  });
});

test('a report that is too large for the state store is cached without its evidence', async () => {
  const evidence = { rows: 'x'.repeat(40_000) };
  const large = succeed({ status: 'healthy', evidence, findings: [] });
  const { health, working, runs } = system({ redis_health: large, database_health: large });
  expect((await working(health.current(caller))).components['redis_health']?.evidence).toEqual(evidence);
  const kept = await working(health.current(caller));
  expect([kept.overallStatus, kept.components['redis_health']?.evidence]).toEqual(['healthy', undefined]);
  expect(runs).toHaveLength(names.length);
});
