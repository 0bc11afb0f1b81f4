import { beforeEach, describe, expect, test } from 'vitest';
import { CIRCUIT_OPEN_MS } from '../../../shared/gateway/protocol/limits.ts';
import type { Answer, AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import { createCircuitBreaker } from '../../../shared/gateway/upstream/circuitBreaker.ts';
import {
  type Connection,
  TIMED_OUT,
  type UpstreamCall,
} from '../../../shared/gateway/upstream/connection.ts';
import { type FaultKind, UpstreamFault } from '../../../shared/gateway/upstream/fault.ts';
import { createProtection } from '../../../shared/gateway/upstream/protection.ts';
import { createHealthNotes } from '../../../shared/gateway/upstream/serverHealth.ts';
import { memoryState } from '../../support/memoryState.ts';

let now = 0;
const clock = { now: () => new Date(now) };
const whole: Answer = { kind: 'whole', outcome: { result: {} } };

/** A connection that does what the test says, and counts. */
function connectionOf(answer: () => Promise<Answer>): Connection & { calls: number } {
  const connection = {
    era: 'modern' as const,
    usesMrtr: true,
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
  const circuitBreaker = createCircuitBreaker({
    state,
    clock,
    noteHealth: createHealthNotes({ state, clock }),
  });
  return { circuitBreaker, protection: createProtection(circuitBreaker, tenants) };
};
async function failOften(protection: ReturnType<typeof createProtection>, times: number): Promise<void> {
  const down = protection.protect(fails('unreachable'), 't', named('down'));
  for (let time = 0; time < times; time++) await kindOf(down.request(call(), signal));
}

describe('a server that fails', () => {
  test('five times in a row is left alone for a while, and then tried again', async () => {
    const { protection } = instance();
    await failOften(protection, 5);
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(up, 't', named('down')).request(call(), signal))).toBe('resting');
    expect(up.calls).toBe(0);
    now += CIRCUIT_OPEN_MS;
    expect(await kindOf(protection.protect(up, 't', named('down')).request(call(), signal))).toBe('answered');
  });

  test('again after its rest is left alone at once, and after a success only when it has failed as often again', async () => {
    const { protection } = instance();
    await failOften(protection, 5);
    now += CIRCUIT_OPEN_MS;
    await failOften(protection, 1);
    const up = protection.protect(
      connectionOf(() => Promise.resolve(whole)),
      't',
      named('down'),
    );
    expect(await kindOf(up.request(call(), signal))).toBe('resting');
    now += CIRCUIT_OPEN_MS;
    expect(await kindOf(up.request(call(), signal))).toBe('answered');
    await failOften(protection, 4);
    expect(await kindOf(up.request(call(), signal))).toBe('answered');
  });

  test('is left alone by the other instances, and named by them', async () => {
    const [one, two] = [instance(), instance()];
    await failOften(one.protection, 5);
    await expect.poll(() => state.get('mreg:mcp:circuits:t')).toBeDefined();
    expect(await two.circuitBreaker.openServers('t')).toEqual(['down']);
    expect(two.circuitBreaker.openForMs('t', named('down'))).toBeGreaterThan(0);
    expect(await two.circuitBreaker.openServers('other')).toEqual([]);
  });

  test('is called at once when it was registered anew elsewhere', async () => {
    const { protection } = instance();
    await failOften(protection, 5);
    const moved = protection.protect(
      connectionOf(() => Promise.resolve(whole)),
      't',
      named('down', 'http://new/mcp'),
    );
    expect(await kindOf(moved.request(call(), signal))).toBe('answered');
  });

  test.each([
    { reason: 'the client left', kind: 'timeout' },
    { reason: TIMED_OUT, kind: 'resting' },
  ])('when $reason, ends up $kind', async ({ reason, kind }) => {
    const { protection } = instance();
    const late = protection.protect(fails('timeout'), 't', named('late'));
    for (let time = 0; time < 5; time++) await kindOf(late.request(call(), AbortSignal.abort(reason)));
    expect(await kindOf(late.request(call(), signal))).toBe(kind);
  });

  test('takes neither another server nor another tenant with it', async () => {
    const { protection } = instance();
    await failOften(protection, 5);
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(up, 't', named('other')).request(call(), signal))).toBe(
      'answered',
    );
    expect(await kindOf(protection.protect(up, 'u', named('down')).request(call(), signal))).toBe('answered');
  });

  test.each([
    { kind: 'http_status', status: 404, why: 'it answered' },
    { kind: 'credentials_wanted', status: 401, why: 'it answered' },
    { kind: 'not_mcp', status: undefined, why: 'another call may be understood' },
    { kind: 'too_large', status: undefined, why: 'another answer may be shorter' },
  ] as const)('by $kind ($status) is called on: $why', async ({ kind, status }) => {
    const { protection } = instance();
    const bad = protection.protect(fails(kind, status), 't', named('down'));
    for (let time = 0; time < 10; time++) await kindOf(bad.request(call(), signal));
    expect(await kindOf(bad.request(call(), signal))).toBe(kind);
  });
});

describe('a server that is slow', () => {
  const never = () => new Promise<Answer>(() => undefined);

  test('takes 128 calls of a tenant at once, and the others go on', async () => {
    const { protection } = instance();
    const slow = protection.protect(connectionOf(never), 't', named('slow'));
    for (let index = 0; index < 128; index++) void slow.request(call(), signal);
    expect(await kindOf(slow.request(call(), signal))).toBe('busy');
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(quick, 't', named('quick')).request(call(), signal))).toBe(
      'answered',
    );
    expect(await kindOf(protection.protect(quick, 'u', named('slow')).request(call(), signal))).toBe(
      'answered',
    );
  });

  test('gets a place back with every answer, failure and stream that ends', async () => {
    const { protection } = instance();
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
    const mixed = protection.protect(
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

  const listening = named('slow');

  test.each([
    { when: 'while the server begins its answer', isEarly: true },
    { when: 'before anything is read of its stream', isEarly: false },
  ])('gets a place back when a call is given up $when', async ({ isEarly }) => {
    const { protection } = instance();
    for (let calls = 0; calls < 128; calls++) {
      const client = new AbortController();
      const streaming = connectionOf(() => {
        if (isEarly) client.abort();
        return Promise.resolve({ kind: 'stream', items: unread() });
      });
      await protection.protect(streaming, 't', named('slow')).request(call(), client.signal);
      client.abort();
    }
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(quick, 't', named('slow')).request(call(), signal))).toBe(
      'answered',
    );
  });

  test('has 64 streams that listen, beside its calls', () => {
    const { protection } = instance();
    const taken = Array.from({ length: 64 }, () => protection.takeStream('t', listening, false));
    expect(() => protection.takeStream('t', listening, false)).toThrow(UpstreamFault);
    taken[0]?.();
    taken[0]?.();
    protection.takeStream('t', listening, false);
    expect(() => protection.takeStream('t', listening, false)).toThrow(UpstreamFault);
  });
});

describe('a server that several tenants call', () => {
  const never = () => new Promise<Answer>(() => undefined);
  const shared = named('shared');

  test('is open to another tenant, however many calls one has open on the servers of its origin', async () => {
    const { protection } = instance(3);
    const outcomes: string[] = [];
    for (const slug of ['shared', 'one', 'two', 'three']) {
      const slow = protection.protect(connectionOf(never), 'a', named(slug, 'http://shared/mcp'));
      for (let n = 0; n < 128; n++)
        void kindOf(slow.request(call(), signal)).then((kind) => outcomes.push(kind));
    }
    await new Promise((done) => setImmediate(done));
    expect(outcomes).toEqual(Array.from({ length: 384 }, () => 'busy'));
    const quick = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(quick, 'b', shared).request(call(), signal))).toBe('answered');
    await expect(protection.protect(quick, 'a', shared).request(call(), signal)).rejects.toThrow(
      'has 128 calls open already',
    );
    await expect(
      protection.protect(quick, 'a', named('four', 'http://shared/other')).request(call(), signal),
    ).rejects.toThrow(
      "has 128 of the 256 connections to its origin in use for your tenant, which is the tenant's share",
    );
  });

  test('has streams for another tenant, however many one has open', () => {
    const { protection } = instance(2);
    for (let n = 0; n < 64; n++) protection.takeStream('a', shared, false);
    expect(() => protection.takeStream('a', shared, false)).toThrow(UpstreamFault);
    expect(protection.takeStream('b', shared, false)).toBeTypeOf('function');
  });

  test('gets its connections back with every answer and every stream that ends', async () => {
    const { protection } = instance(2);
    const quick = protection.protect(
      connectionOf(() => Promise.resolve(whole)),
      'a',
      shared,
    );
    for (let n = 0; n < 300; n++) expect(await kindOf(quick.request(call(), signal))).toBe('answered');
    for (let n = 0; n < 300; n++) protection.takeStream('a', shared, false)();
  });

  test('that failed for one tenant is called for the others', async () => {
    const { protection } = instance(2);
    const down = protection.protect(fails('unreachable'), 'a', shared);
    for (let n = 0; n < 5; n++) await kindOf(down.request(call(), signal));
    expect(await kindOf(down.request(call(), signal))).toBe('resting');
    const up = connectionOf(() => Promise.resolve(whole));
    expect(await kindOf(protection.protect(up, 'b', shared).request(call(), signal))).toBe('answered');
  });
});

describe('a request that met a broken connection', () => {
  test.each([
    { method: 'resources/read', calls: 2 },
    { method: 'prompts/get', calls: 2 },
    { method: 'tools/call', calls: 1 },
    { method: 'acme/anything', calls: 1 },
  ])('$method is sent $calls times', async ({ method, calls }) => {
    const { protection } = instance();
    const down = fails('unreachable');
    expect(await kindOf(protection.protect(down, 't', named('s')).request(call(method), signal))).toBe(
      'unreachable',
    );
    expect(down.calls).toBe(calls);
  });
});
