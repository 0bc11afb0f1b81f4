import { describe, expect, test } from 'vitest';
import { type HealthDeps } from '../../../shared/health/checkComponents.ts';
import { createHealthCheck } from '../../../shared/health/checkHealth.ts';
import { HEALTH_PLAN, namedPlans } from '../../../shared/orchestration/plans/namedPlans.ts';
import { defineTask, type Task } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { fail, succeed, type Result } from '../../../shared/platform/base/result.ts';
import { z } from 'zod';
import { type Faults, caller, testEngine } from '../../support/engine.ts';
import { recordingLog } from '../../support/gateway.ts';

const steps = namedPlans({}).find(({ name }) => name === HEALTH_PLAN)?.steps ?? [];
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
  async function working<T>(look: Promise<T>): Promise<T> {
    const waiting = new Set([look]);
    const done = look.finally(() => waiting.delete(look));
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
  test('has a component for each step of the plan, and what the instance sees for itself', async () => {
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

  test('is looked at once in a few seconds, unless somebody wants a new look', async () => {
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

  test('is looked at by one instance at a time; the others get what that one found', async () => {
    const { health, deps, working, runs } = system();
    const other = createHealthCheck(deps);
    const [one, two] = await working(Promise.all([health.anew(caller, 10_000), other.anew(caller, 10_000)]));
    expect(two).toEqual(one);
    expect(runs).toHaveLength(names.length);
  });

  test('is kept for each tenant by itself', async () => {
    const { health, working, runs } = system();
    await working(health.current(caller));
    const stranger = { ...caller, principal: { ...caller.principal, tenantId: 't2' } };
    await working(health.current(stranger));
    expect(runs).toHaveLength(2 * names.length);
  });

  test('says of an agent that does not answer how long it was waited for', async () => {
    const { health, engine } = system();
    const look = health.current(caller);
    await expect.poll(() => engine.queue.length).toBe(names.length);
    engine.advance(16);
    const report = await look;
    expect(report.failedServices.sort()).toEqual([...names].sort());
    expect(report.components['redis_health']?.error?.message).toBe(
      'mcp-performance-optimizer has not answered within 3 seconds: its app or the queue to it may be down',
    );
  });

  test('that somebody waits for less than the agents may take is degraded, and is not kept', async () => {
    const { health, working } = system();
    const short = await health.anew(caller, 1_000);
    expect(short).toMatchObject({ overallStatus: 'degraded', degradedServices: names });
    expect((await working(health.current(caller))).overallStatus).toBe('healthy');
  });

  test('tells what nobody can carry out', async () => {
    const { deps } = system();
    const health = createHealthCheck({ ...deps, tasks: () => Promise.resolve(taskCatalogue([])) });
    const report = await health.current(caller);
    expect(report.failedServices).toEqual(names);
    expect(report.components['redis_health']?.error?.message).toContain('nobody can carry out');
  });
});

describe('where a part is away', () => {
  test('storage: the look ends, the tables have failed and the agents could not be asked', async () => {
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
    expect(log.lines.map(({ event }) => event)).toContain('health_look_failed');
  });

  test(
    'storage that stays silent: what it would have said is not waited for',
    { timeout: 15_000 },
    async () => {
      const { deps } = system();
      const never = () => new Promise<never>(() => undefined);
      const health = createHealthCheck({ ...deps, plans: { ...deps.plans, add: never, find: never } });
      expect(await health.anew(caller, 1_000)).toMatchObject({
        components: { tables: { error: { kind: 'timeout' } }, redis_health: { error: { kind: 'timeout' } } },
      });
    },
  );

  test('the state: the agents are asked all the same', async () => {
    const { deps, working } = system();
    const away = () => Promise.reject(new InfrastructureError('redis', 'test', undefined));
    const shortLived = { ...deps.shortLived, get: away, claim: away, set: away };
    const report = await working(createHealthCheck({ ...deps, shortLived }).current(caller));
    expect(report.failedServices).toEqual(['state_store']);
  });

  test('a fault of our own is thrown', async () => {
    const { deps } = system();
    const broken = () => Promise.reject(new Error('a bug'));
    await expect(createHealthCheck({ ...deps, tasks: broken }).current(caller)).rejects.toThrow('a bug');
  });
});

describe('a change', () => {
  test('is logged once, when it comes and when it goes', async () => {
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

  test('is none where an agent was only late: the timer looks again', async () => {
    const run = system();
    const look = run.health.sweep(caller);
    await expect.poll(() => run.engine.queue.length).toBe(names.length);
    run.engine.queue.length = 0;
    run.engine.advance(16);
    const report = await run.working(look);
    expect([report.overallStatus, changes(run)]).toEqual(['healthy', []]);
  });
});

test('a look that is larger than the state holds is kept without what was looked at', async () => {
  const evidence = { rows: 'x'.repeat(40_000) };
  const large = succeed({ status: 'healthy', evidence, findings: [] });
  const { health, working, runs } = system({ redis_health: large, database_health: large });
  expect((await working(health.current(caller))).components['redis_health']?.evidence).toEqual(evidence);
  const kept = await working(health.current(caller));
  expect([kept.overallStatus, kept.components['redis_health']?.evidence]).toEqual(['healthy', undefined]);
  expect(runs).toHaveLength(names.length);
});
