import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { announceInstance } from '../../../functions/compose/announceInstance.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import type { Config } from '../../../shared/platform/config/config.ts';
import { HEARTBEAT_INTERVAL_MS, readInstances } from '../../../shared/platform/telemetry/instances.ts';
import { testEngine } from '../../support/engine.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const { deps } = testEngine();
  const { log, lines } = fakeHttpDeps();
  const state = { away: false, asked: 0 };
  const get = (key: string) => {
    state.asked += 1;
    if (state.away) return Promise.reject(new InfrastructureError('redis', 'get', undefined));
    return deps.shortLived.get(key);
  };
  const config = { app: 'mcp', tenants: new Set(['t1']) } as unknown as Config;
  const all = { ...deps, config, log, shortLived: { ...deps.shortLived, get } };
  const seen = async () => (await readInstances(deps.shortLived, 'mcp', deps.clock)).current;
  return { state, lines, seen, begin: () => announceInstance(all) };
}

test('an instance starts without waiting to say so, then does, and takes it back at its end', async () => {
  const { state, seen, begin } = start();
  const { end } = begin();
  expect(state.asked).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.waitFor(async () => {
    expect(await seen()).toMatchObject([{ app: 'mcp', build: 'unbuilt', node: process.versions.node }]);
  });
  await end();
  expect(await seen()).toEqual([]);
});

test('a state that is away fails no start, and is told the next time', async () => {
  const { state, lines, seen, begin } = start();
  state.away = true;
  const { end } = begin();
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.waitFor(() => {
    expect(lines).toMatchObject([{ level: 'warn', event: 'instance_write_failed' }]);
  });
  state.away = false;
  await vi.advanceTimersByTimeAsync(HEARTBEAT_INTERVAL_MS);
  await vi.waitFor(async () => {
    expect(await seen()).toHaveLength(1);
  });
  state.away = true;
  await end();
});
