import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCircuitBreaker } from '../../../shared/gateway/upstream/circuitBreaker.ts';
import {
  createHealthNotes,
  readServerHealth,
  type SeenHealth,
} from '../../../shared/gateway/upstream/serverHealth.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { memoryState } from '../../support/memoryState.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const MINUTE_MS = 60_000;
const clock = { now: () => new Date() };
const server = { slug: 'stock', url: 'https://stock.example/mcp' };
const failed: SeenHealth = { status: 'failed', reason: 'The server did not answer.' };
const healthy: SeenHealth = { status: 'healthy' };

let state = memoryState(clock);
let writes = 0;
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  state = memoryState(clock);
  writes = 0;
});
afterEach(() => {
  vi.useRealTimers();
});
const instance = () =>
  createHealthNotes({
    clock,
    state: {
      ...state,
      set: (...args) => {
        writes += 1;
        return state.set(...args);
      },
    },
  });
const recordAt = (discoveredAt: Date, patch = {}) =>
  serverRecord({
    tenantId: 't',
    ...server,
    discovery: { ...discoveryOf('modern'), discoveredAt: discoveredAt.toISOString() },
    ...patch,
  });
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the health of a server', () => {
  test('is that of its discovery until it is called', async () => {
    const record = recordAt(clock.now());
    await later(MINUTE_MS);
    expect(await readServerHealth('t', record, { state, clock })).toEqual({
      status: 'healthy',
      checkedAt: record.discovery?.discoveredAt,
    });
  });

  test('is absent before the first discovery', async () => {
    const { discovery: _, ...pending } = recordAt(clock.now());
    expect(await readServerHealth('t', pending, { state, clock })).toBeUndefined();
  });

  test('is degraded after a failed call, failed after five in a row, and healthy again only by a success', async () => {
    const record = recordAt(clock.now());
    const one = createCircuitBreaker({ state, clock, noteHealth: instance() });
    await later(1_000);
    const failedAt = clock.now().toISOString();
    one.fail('t', server, 'did not answer');
    await later(1);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({
      status: 'degraded',
      checkedAt: failedAt,
      reason: 'The last call failed: the server did not answer.',
    });
    for (let n = 0; n < 4; n++) one.fail('t', server, 'did not answer');
    await later(5_000);
    const reason = '5 calls in a row failed: the server did not answer.';
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'failed', reason });
    // Long after the circuit is half-open.
    await later(60 * MINUTE_MS);
    expect(await one.openServers('t')).toEqual([]);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'failed' });
    const other = createCircuitBreaker({ state, clock, noteHealth: instance() });
    const succeededAt = clock.now().toISOString();
    other.succeed('t', server);
    await later(1);
    expect(await readServerHealth('t', record, { state, clock })).toEqual({
      status: 'healthy',
      checkedAt: succeededAt,
    });
  });

  test('becomes unknown, never healthy, when nothing was heard of the server for a day', async () => {
    const record = recordAt(clock.now());
    await later(1_000);
    instance()('t', server, failed);
    await later(24 * 60 * MINUTE_MS - 2_000);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'failed' });
    await later(2_000);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'unknown' });
  });

  test('is unknown while the state store is down', async () => {
    const get = () => Promise.reject(new InfrastructureError('redis', 'get', new Error('refused')));
    const health = await readServerHealth('t', recordAt(clock.now()), { state: { get }, clock });
    expect(health).toMatchObject({ status: 'unknown', reason: 'the state store does not answer' });
  });

  test('is not that of a server with the same slug and another URL', async () => {
    const record = recordAt(clock.now());
    await later(1_000);
    instance()('t', { ...server, url: 'https://old.example/mcp' }, failed);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'healthy' });
  });

  test('follows a new discovery, such as that of a registration', async () => {
    instance()('t', server, failed);
    await later(1_000);
    expect(await readServerHealth('t', recordAt(clock.now()), { state, clock })).toMatchObject(healthy);
  });

  test('of a shared server is the newest of both tenants', async () => {
    const record = recordAt(clock.now(), { tenantId: 'owner' });
    const note = instance();
    await later(1_000);
    note('guest', server, failed);
    await later(1);
    expect(await readServerHealth('guest', record, { state, clock })).toMatchObject({ status: 'failed' });
    expect(await readServerHealth('owner', record, { state, clock })).toMatchObject({ status: 'healthy' });
    await later(1_000);
    note('owner', server, healthy);
    await later(1);
    expect(await readServerHealth('guest', record, { state, clock })).toMatchObject({ status: 'healthy' });
  });
});

describe('writes', () => {
  test('do not grow with the calls: an unchanged health is stored once a minute', async () => {
    const note = instance();
    for (let n = 0; n < 1_000; n++) note('t', server, healthy);
    expect(writes).toBe(1);
    await later(MINUTE_MS);
    for (let n = 0; n < 1_000; n++) note('t', server, healthy);
    expect(writes).toBe(2);
  });

  test('of a server that fails every other call are bounded, and the last change is stored', async () => {
    const note = instance();
    const record = recordAt(new Date(clock.now().getTime() - 1_000));
    for (let n = 0; n < 100; n++) {
      note('t', server, healthy);
      note('t', server, failed);
      await later(100);
    }
    await later(5_000);
    expect(writes).toBeLessThanOrEqual(16);
    expect(await readServerHealth('t', record, { state, clock })).toMatchObject({ status: 'failed' });
  });

  test('that fail are no fault of the call', async () => {
    const set = () => Promise.reject(new InfrastructureError('redis', 'set', new Error('refused')));
    const note = createHealthNotes({ clock, state: { ...state, set } });
    expect(() => {
      note('t', server, failed);
    }).not.toThrow();
    await later(1);
  });
});
