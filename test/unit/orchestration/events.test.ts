import { describe, expect, test } from 'vitest';
import { publishEvent } from '../../../shared/orchestration/engine/publishEvent.ts';
import { publishBuildChange } from '../../../shared/orchestration/events/buildChange.ts';
import { createEventWatch, type Incident } from '../../../shared/orchestration/events/eventWatch.ts';
import { routesOf, standardRoutes } from '../../../shared/orchestration/model/eventRoutes.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { eventRecorders } from '../../../shared/specialists/eventHandlers.ts';
import { type TestEngine, testEngine } from '../../support/engine.ts';

test('the routes are those of the description, row by row', () => {
  expect(standardRoutes).toEqual({
    authentication_failure: ['mcp-security-auditor', 'mcp-debugger'],
    performance_degradation: ['mcp-performance-optimizer', 'mcp-debugger'],
    deployment_status: ['mcp-deployment-specialist', 'mcp-orchestrator'],
    protocol_violation: ['mcp-protocol-expert', 'mcp-debugger'],
  });
});

test.each([
  [{ protocol_violation: ['mcp-debugger'] }, 'is a standard one'],
  [{ disk_full: ['nobody'] }, 'unknown agent; known agents: mcp-orchestrator'],
])('routes of the settings such as %j are refused: %s', (configured, words) => {
  expect(() => routesOf(configured)).toThrow(words);
});

const event = {
  id: 'e1',
  tenantId: 't1',
  type: 'protocol_violation',
  detail: { server: 'inventory' },
  raisedBy: 'u1',
  traceparent: '',
};
const all = async ({ deps }: TestEngine) => (await deps.delegations.list('t1', {}, 99)).items;

describe('an event', () => {
  test('is a delegation for each agent of its type, and one raised twice is one', async () => {
    const engine = testEngine();
    for (let time = 0; time < 2; time++) await publishEvent(event, standardRoutes, engine.deps);
    expect((await all(engine)).map(({ agent, task }) => [agent, task])).toEqual([
      ['mcp-debugger', 'handle_protocol_violation'],
      ['mcp-protocol-expert', 'handle_protocol_violation'],
    ]);
    expect(engine.queue).toHaveLength(2);
  });

  test('reaches one agent although another fails to deal with it', async () => {
    const engine = testEngine();
    await publishEvent(event, standardRoutes, engine.deps);
    const recorders = eventRecorders({ protocol_violation: ['mcp-debugger'] }, engine.deps.audit);
    await engine.drain(taskCatalogue(recorders));
    expect((await all(engine)).map(({ agent, state }) => [agent, state])).toEqual([
      ['mcp-debugger', 'succeeded'],
      ['mcp-protocol-expert', 'failed'],
    ]);
    expect(engine.audited).toContainEqual(
      expect.objectContaining({
        action: 'events.protocol_violation',
        resource: 'events/e1',
        actor: 'mcp-debugger',
      }),
    );
  });

  test('of a type without a route reaches nobody', async () => {
    expect(await publishEvent({ ...event, type: 'toString' }, standardRoutes, testEngine().deps)).toEqual([]);
  });
});

describe('what the system notices of itself', () => {
  const sign: Incident = {
    type: 'authentication_failure',
    tenantId: 't1',
    subject: 'expired',
    detail: { app: 'mcp' },
    trace: continueTrace(undefined),
  };
  const settled = () => new Promise((done) => setImmediate(done));

  async function notice(engine: TestEngine, signs: readonly Incident[], instances = 1): Promise<number> {
    const watches = Array.from({ length: instances }, () =>
      createEventWatch(engine.deps.shortLived, standardRoutes, engine.deps),
    );
    for (const one of signs) for (const watch of watches) watch(one);
    for (let turn = 0; turn < 50; turn++) await settled();
    return (await all(engine)).length / 2;
  }
  const times = (count: number, more: Partial<Incident> = {}) =>
    Array.from({ length: count }, () => ({ ...sign, ...more }));

  test.each<[count: number, more: Partial<Incident>, events: number, why: string]>([
    [9, {}, 0, 'below the threshold'],
    [10, {}, 1, 'at the threshold'],
    [500, {}, 1, 'far above it'],
    [1, { type: 'protocol_violation', subject: 'inventory' }, 1, 'one violation is enough'],
  ])('%i signs %j are %i events: %s', async (count, more, events) => {
    expect(await notice(testEngine(), times(count, more))).toBe(events);
  });

  test('is counted by subject', async () => {
    const signs = [...times(9), ...times(9, { subject: 'bad_signature' })];
    expect(await notice(testEngine(), signs)).toBe(0);
  });

  test('is raised once by all instances together, and again when its time is over', async () => {
    const engine = testEngine();
    expect(await notice(engine, times(10), 3)).toBe(1);
    engine.advance(61);
    expect(await notice(engine, times(10), 3)).toBe(2);
  });

  test('does no harm when the state is away', async () => {
    const engine = testEngine({ deadFrom: 1 });
    await expect(notice(engine, times(10))).rejects.toThrow();
    expect(engine.queue).toEqual([]);
  });
});

describe('an app that starts', () => {
  const start = (engine: TestEngine, build: string) =>
    publishBuildChange({ app: 'mcp', version: '1.0.0', build }, 't1', engine.deps);
  const raised = async (engine: TestEngine) =>
    (await all(engine)).map(({ agent, input }) => [
      agent,
      (input as { detail: { before: string; build: string } }).detail.before,
    ]);

  test('raises deployment_status when it was another build before, and not when it is seen first or again', async () => {
    const engine = testEngine();
    await start(engine, 'one');
    await start(engine, 'one');
    expect(await raised(engine)).toEqual([]);
    await start(engine, 'two');
    expect(await raised(engine)).toEqual([
      ['mcp-deployment-specialist', 'one'],
      ['mcp-orchestrator', 'one'],
    ]);
  });

  test('raises it once however many instances start at once, and again when it goes back', async () => {
    const engine = testEngine();
    await start(engine, 'one');
    await Promise.all(Array.from({ length: 5 }, () => start(engine, 'two')));
    expect(await raised(engine)).toHaveLength(2);
    engine.advance(60);
    await start(engine, 'one');
    engine.advance(60);
    await start(engine, 'two');
    expect(await raised(engine)).toHaveLength(6);
  });

  test('raises it the next time when it could not be raised', async () => {
    const engine = testEngine();
    await start(engine, 'one');
    const away = {
      ...engine.deps,
      delegations: { ...engine.deps.delegations, add: () => Promise.reject(new Error('away')) },
    };
    await expect(
      publishBuildChange({ app: 'mcp', version: '1.0.0', build: 'two' }, 't1', away),
    ).rejects.toThrow('away');
    await start(engine, 'two');
    expect(await raised(engine)).toHaveLength(2);
  });
});
