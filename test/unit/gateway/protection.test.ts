import { beforeEach, describe, expect, test } from 'vitest';
import type { Answer, AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import {
  type Connection,
  TIME_OVER,
  type UpstreamCall,
} from '../../../shared/gateway/upstream/connection.ts';
import { type FaultKind, UpstreamFault } from '../../../shared/gateway/upstream/fault.ts';
import { createGuard } from '../../../shared/gateway/upstream/protection.ts';
import { createResting, REST_MS } from '../../../shared/gateway/upstream/circuitBreaker.ts';
import { memoryState } from '../../support/memoryState.ts';

let now = 0;
const clock = { now: () => new Date(now) };
const whole: Answer = { kind: 'whole', outcome: { result: {} } };

/** A connection that does what the test says, and counts. */
function connectionOf(answer: () => Promise<Answer>): Connection & { calls: number } {
  const connection = {
    era: 'modern' as const,
    calls: 0,
    request: () => {
      connection.calls += 1;
      return answer();
    },
  };
  return connection;
}
const fails = (kind: FaultKind, status?: number) =>
  connectionOf(() => Promise.reject(new UpstreamFault(kind, 'failed', status)));

/** The items of a stream that nobody asks for: a generator that was not begun cannot tidy up either. */
// eslint-disable-next-line @typescript-eslint/require-await -- a stream that has all at once
async function* unread(): AsyncGenerator<AnswerItem, void, undefined> {
  yield { kind: 'outcome', outcome: { result: {} } };
}

const call = (method = 'tools/call'): UpstreamCall => ({
  id: 1,
  method,
  params: {},
  envelope: undefined,
  traceparent: '',
});
const named = (slug: string, url = `http://${slug}/mcp`) => ({ slug, url });
const signal = new AbortController().signal;
const kindOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'answered',
    (error: unknown) => (error instanceof UpstreamFault ? error.kind : 'other'),
  );

let state = memoryState(clock);
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  state = memoryState(clock);
});
const instance = (tenants = 1) => {
  const resting = createResting({ state, clock });
  return { resting, guard: createGuard(resting, tenants) };
};
async function failOften(guard: ReturnType<typeof createGuard>, times: number): Promise<void> {
  const down = guard.around(fails('unreachable'), 't', named('down'));
  for (let time = 0; time < times; time++) await kindOf(down.request(call(), signal));
}

describe('a server that fails', () => {
  test('five times in a row is left alone for a while, and then tried again', async () => {
    const { guard } = instance();
    await failOften(guard, 5);
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(up, 't', named('down')).request(call(), signal))).toBe('resting');
    expect(up.calls).toBe(0);
    now += REST_MS;
    expect(await kindOf(guard.around(up, 't', named('down')).request(call(), signal))).toBe('answered');
  });

  test('again after its rest is left alone at once, and after a success only when it has failed as often again', async () => {
    const { guard } = instance();
    await failOften(guard, 5);
    now += REST_MS;
    await failOften(guard, 1);
    const up = guard.around(
      connectionOf(() => Promise.resolve(whole)),
      't',
      named('down'),
    );
    expect(await kindOf(up.request(call(), signal))).toBe('resting');
    now += REST_MS;
    expect(await kindOf(up.request(call(), signal))).toBe('answered');
    await failOften(guard, 4);
    expect(await kindOf(up.request(call(), signal))).toBe('answered');
  });

  test('is left alone by the other instances, and named by them', async () => {
    const [one, two] = [instance(), instance()];
    await failOften(one.guard, 5);
    await expect.poll(() => state.get('mreg:mcp:resting:t')).toBeDefined();
    expect(await two.resting.all('t')).toEqual(['down']);
    expect(two.resting.leftMs('t', named('down'))).toBeGreaterThan(0);
    expect(await two.resting.all('other')).toEqual([]);
  });

  test('is called at once when it was registered anew elsewhere', async () => {
    const { guard } = instance();
    await failOften(guard, 5);
    const moved = guard.around(
      connectionOf(() => Promise.resolve(whole)),
      't',
      named('down', 'http://new/mcp'),
    );
    expect(await kindOf(moved.request(call(), signal))).toBe('answered');
  });

  test.each([
    { reason: 'the client left', kind: 'timeout' },
    { reason: TIME_OVER, kind: 'resting' },
  ])('when $reason, ends up $kind', async ({ reason, kind }) => {
    const { guard } = instance();
    const late = guard.around(fails('timeout'), 't', named('late'));
    for (let time = 0; time < 5; time++) await kindOf(late.request(call(), AbortSignal.abort(reason)));
    expect(await kindOf(late.request(call(), signal))).toBe(kind);
  });

  test('takes neither another server nor another tenant with it', async () => {
    const { guard } = instance();
    await failOften(guard, 5);
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(up, 't', named('other')).request(call(), signal))).toBe('answered');
    expect(await kindOf(guard.around(up, 'u', named('down')).request(call(), signal))).toBe('answered');
  });

  test.each([
    { kind: 'http_status', status: 404, why: 'it answered' },
    { kind: 'credentials_wanted', status: 401, why: 'it answered' },
    { kind: 'not_mcp', status: undefined, why: 'another call may be understood' },
    { kind: 'too_large', status: undefined, why: 'another answer may be shorter' },
  ] as const)('by $kind ($status) is called on: $why', async ({ kind, status }) => {
    const { guard } = instance();
    const bad = guard.around(fails(kind, status), 't', named('down'));
    for (let time = 0; time < 10; time++) await kindOf(bad.request(call(), signal));
    expect(await kindOf(bad.request(call(), signal))).toBe(kind);
  });
});

describe('a server that is slow', () => {
  const never = () => new Promise<Answer>(() => undefined);

  test('takes 128 calls of a tenant at once, and the others go on', async () => {
    const { guard } = instance();
    const slow = guard.around(connectionOf(never), 't', named('slow'));
    for (let index = 0; index < 128; index++) void slow.request(call(), signal);
    expect(await kindOf(slow.request(call(), signal))).toBe('busy');
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(quick, 't', named('quick')).request(call(), signal))).toBe('answered');
    expect(await kindOf(guard.around(quick, 'u', named('slow')).request(call(), signal))).toBe('answered');
  });

  test('gets a place back with every answer, failure and stream that ends', async () => {
    const { guard } = instance();
    const answers: (() => Promise<Answer>)[] = [
      () => Promise.resolve(whole),
      () => Promise.reject(new UpstreamFault('not_mcp', 'x')),
      () =>
        Promise.resolve({
          kind: 'stream',
          // eslint-disable-next-line @typescript-eslint/require-await -- a stream that has all at once
          items: (async function* () {
            yield { kind: 'outcome' as const, outcome: { result: {} } };
          })(),
        }),
    ];
    let turn = 0;
    const mixed = guard.around(
      connectionOf(() => answers[turn++ % 3]?.() ?? never()),
      't',
      named('mixed'),
    );
    for (let index = 0; index < 400; index++) {
      const answer = await mixed.request(call(), signal).catch(() => undefined);
      if (answer?.kind === 'stream') for await (const item of answer.items) expect(item.kind).toBe('outcome');
    }
    expect(await kindOf(mixed.request(call(), signal))).not.toBe('busy');
  });

  const listening = { ...named('slow'), discovery: { era: 'legacy' as const } };

  test.each([
    { when: 'while the server begins its answer', isEarly: true },
    { when: 'before anything is read of its stream', isEarly: false },
  ])('gets a place back when a call is given up $when', async ({ isEarly }) => {
    const { guard } = instance();
    for (let calls = 0; calls < 128; calls++) {
      const client = new AbortController();
      const streaming = connectionOf(() => {
        if (isEarly) client.abort();
        return Promise.resolve({ kind: 'stream', items: unread() });
      });
      await guard.around(streaming, 't', named('slow')).request(call(), client.signal);
      client.abort();
    }
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(quick, 't', named('slow')).request(call(), signal))).toBe('answered');
  });

  test('has 64 streams that listen, beside its calls', () => {
    const { guard } = instance();
    const taken = Array.from({ length: 64 }, () => guard.takeStream('t', listening));
    expect(() => guard.takeStream('t', listening)).toThrow(UpstreamFault);
    taken[0]?.();
    taken[0]?.();
    guard.takeStream('t', listening);
    expect(() => guard.takeStream('t', listening)).toThrow(UpstreamFault);
  });
});

describe('a server that several tenants call', () => {
  const never = () => new Promise<Answer>(() => undefined);
  const shared = named('shared');

  test('is open to another tenant, however many calls one has open on the servers of its origin', async () => {
    const { guard } = instance(3);
    const outcomes: string[] = [];
    for (const slug of ['shared', 'one', 'two', 'three']) {
      const slow = guard.around(connectionOf(never), 'a', named(slug, 'http://shared/mcp'));
      for (let n = 0; n < 128; n++)
        void kindOf(slow.request(call(), signal)).then((kind) => outcomes.push(kind));
    }
    await new Promise((done) => setImmediate(done));
    expect(outcomes).toEqual(Array.from({ length: 384 }, () => 'busy'));
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(quick, 'b', shared).request(call(), signal))).toBe('answered');
    await expect(guard.around(quick, 'a', shared).request(call(), signal)).rejects.toThrow(
      'has 128 calls open already',
    );
    await expect(
      guard.around(quick, 'a', named('four', 'http://shared/other')).request(call(), signal),
    ).rejects.toThrow(
      "has 128 of the 256 connections to its origin in use for your tenant, which is the tenant's share",
    );
  });

  test('has streams for another tenant, however many one has open', () => {
    const { guard } = instance(2);
    const server = { ...shared, discovery: { era: 'legacy' as const } };
    for (let n = 0; n < 64; n++) guard.takeStream('a', server);
    expect(() => guard.takeStream('a', server)).toThrow(UpstreamFault);
    expect(guard.takeStream('b', server)).toBeTypeOf('function');
  });

  test('gets its connections back with every answer and every stream that ends', async () => {
    const { guard } = instance(2);
    const quick = guard.around(
      connectionOf(() => Promise.resolve(whole)),
      'a',
      shared,
    );
    for (let n = 0; n < 300; n++) expect(await kindOf(quick.request(call(), signal))).toBe('answered');
    const server = { ...shared, discovery: { era: 'legacy' as const } };
    for (let n = 0; n < 300; n++) guard.takeStream('a', server)();
  });

  test('that failed for one tenant is called for the others', async () => {
    const { guard } = instance(2);
    const down = guard.around(fails('unreachable'), 'a', shared);
    for (let n = 0; n < 5; n++) await kindOf(down.request(call(), signal));
    expect(await kindOf(down.request(call(), signal))).toBe('resting');
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(guard.around(up, 'b', shared).request(call(), signal))).toBe('answered');
  });
});

describe('a request that met a broken connection', () => {
  test.each([
    { method: 'resources/read', calls: 2 },
    { method: 'prompts/get', calls: 2 },
    { method: 'tools/call', calls: 1 },
    { method: 'acme/anything', calls: 1 },
  ])('$method is sent $calls times', async ({ method, calls }) => {
    const { guard } = instance();
    const down = fails('unreachable');
    expect(await kindOf(guard.around(down, 't', named('s')).request(call(method), signal))).toBe(
      'unreachable',
    );
    expect(down.calls).toBe(calls);
  });
});
