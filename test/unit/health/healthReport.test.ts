import { describe, expect, test } from 'vitest';
import {
  type Component,
  componentOf,
  healthChanges,
  healthReport,
} from '../../../shared/health/healthReport.ts';
import type { ServersPart } from '../../../shared/health/serversPart.ts';
import { newDelegation } from '../../../shared/orchestration/model/delegation.ts';
import type { PlanStep } from '../../../shared/orchestration/model/plan.ts';

const at = new Date('2026-01-01T00:00:00.000Z');
const later = (seconds: number) => new Date(at.getTime() + seconds * 1000);
const noServers: ServersPart = { status: 'healthy', counts: {}, affected: [] };
const component = (status: Component['status']): Component => ({ status });

describe('the system as a whole', () => {
  test.each([
    [['healthy', 'healthy'], 'healthy'],
    [['healthy', 'degraded'], 'degraded'],
    [['degraded', 'failed'], 'unhealthy'],
    [[], 'healthy'],
  ] as const)('with parts that are %j is %s', (statuses, overallStatus) => {
    const components = Object.fromEntries(
      statuses.map((status, index) => [`part${index}`, component(status)]),
    );
    expect(healthReport(components, noServers, at)).toMatchObject({
      overallStatus,
      timestamp: at.toISOString(),
    });
  });

  test('names the degraded and the failed components', () => {
    const components = { a: component('healthy'), b: component('degraded'), c: component('failed') };
    expect(healthReport(components, noServers, at)).toMatchObject({
      components,
      degradedServices: ['b'],
      failedServices: ['c'],
    });
  });
});

const step = (more: Partial<PlanStep>): PlanStep => ({
  id: 'redis_health',
  agent: 'mcp-performance-optimizer',
  task: 'check_redis_connectivity',
  input: {},
  dependsOn: [],
  timeoutMs: 3_000,
  severity: 'warning',
  onFailure: 'continue',
  state: 'queued',
  queuedAt: at.toISOString(),
  ...more,
});
const delegation = (result: unknown) => ({
  ...newDelegation(
    {
      id: 'd',
      tenantId: 't1',
      agent: 'mcp-performance-optimizer',
      task: 'check_redis_connectivity',
      input: {},
      traceparent: '',
      deadline: later(3).toISOString(),
    },
    at,
  ),
  outcome: { success: true as const, result },
});
const ended = (more: Partial<PlanStep> = {}) =>
  step({ state: 'succeeded', finishedAt: later(1).toISOString(), ...more });

describe('a component', () => {
  test('has the status, evidence and duration of the check by its agent', () => {
    const result = { status: 'degraded', evidence: { hitRatio: 0.2 }, findings: [{ rule: 'low_hit_ratio' }] };
    expect(componentOf(ended(), delegation(result), later(1))).toEqual({
      agent: 'mcp-performance-optimizer',
      task: 'check_redis_connectivity',
      durationMs: 1_000,
      ...result,
    });
  });

  test.each([
    ['a result of another shape', ended(), delegation({ fine: true }), 'internal'],
    ['a row that is gone', ended(), undefined, 'internal'],
    [
      'a task that failed',
      ended({ state: 'failed', error: { kind: 'unavailable', message: 'connection refused' } }),
      undefined,
      'unavailable',
    ],
    [
      'a task that ran out of time',
      ended({ state: 'failed', error: { kind: 'timeout', message: 'not finished by its deadline' } }),
      undefined,
      'timeout',
    ],
    ['a check that was cancelled', step({ state: 'skipped' }), undefined, 'cancelled'],
    ['an agent that does not answer in its time', step({}), undefined, 'timeout'],
  ])('has failed for %s, with the reason', (_, read, found, kind) => {
    const failed = componentOf(read, found, later(3));
    expect(failed).toMatchObject({ status: 'failed', agent: 'mcp-performance-optimizer', error: { kind } });
    expect(failed?.error?.message).not.toBe('');
  });

  test('is unknown before its timeout', () => {
    expect(componentOf(step({}), undefined, later(2.9))).toBeUndefined();
  });
});

describe('a change', () => {
  const report = (statuses: Record<string, Component['status']>, servers = noServers) =>
    healthReport(
      Object.fromEntries(Object.entries(statuses).map(([name, status]) => [name, component(status)])),
      servers,
      at,
    );

  test('is each component whose status differs from before', () => {
    const before = report({ a: 'healthy', b: 'failed', c: 'degraded' });
    expect(healthChanges(before, report({ a: 'failed', b: 'healthy', c: 'degraded' }))).toEqual([
      { component: 'a', before: 'healthy', after: 'failed' },
      { component: 'b', before: 'failed', after: 'healthy' },
    ]);
  });

  test('is each server whose health differs from before, whether it recovers or fails', () => {
    const affected = (slug: string) => [{ slug, status: 'failed' as const, checkedAt: at.toISOString() }];
    const before = report({}, { status: 'failed', counts: {}, affected: affected('old') });
    const after = report({}, { status: 'failed', counts: {}, affected: affected('new') });
    expect(healthChanges(before, after)).toEqual([
      { component: 'servers/new', before: 'healthy', after: 'failed' },
      { component: 'servers/old', before: 'failed', after: 'healthy' },
    ]);
    expect(healthChanges(after, after)).toEqual([]);
    expect(after.overallStatus).toBe('healthy');
  });

  test('is each component that is not healthy if there was no report before', () => {
    expect(healthChanges(undefined, report({ a: 'healthy', b: 'failed' }))).toEqual([
      { component: 'b', before: 'healthy', after: 'failed' },
    ]);
  });
});
