import { describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../../shared/gateway/protocol/jsonRpc.ts';
import {
  CALL_TIMEOUT_MS,
  HOLDER_TIMEOUT_MS,
  PERSON_TIMEOUT_MS,
} from '../../../shared/gateway/protocol/limits.ts';
import { createHeldCalls, type Holder } from '../../../shared/gateway/session/heldCalls.ts';
import { createServerRequests } from '../../../shared/gateway/session/serverRequests.ts';
import type { Answer, AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import { nextItem } from '../../../shared/gateway/upstream/answer.ts';
import type { Connection, UpstreamCall } from '../../../shared/gateway/upstream/connection.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { actor } from '../../support/gateway.ts';
import { memoryState } from '../../support/memoryState.ts';
import { testSeal } from '../../support/seal.ts';

/** A bridged connection whose server asks once and then waits, with what the test can see of it. */
function bridged() {
  const answer = Promise.withResolvers<Outcome | undefined>();
  const delivered = vi.fn<Holder['deliver']>(() => Promise.resolve());
  let upstream = new AbortController().signal;
  const server: Connection = {
    era: 'legacy',
    usesMrtr: false,
    request(_call, signal) {
      upstream = signal;
      return Promise.resolve({ kind: 'stream', items: asksOnce(signal) });
    },
  };
  const held = createHeldCalls({
    state: memoryState(),
    seal: testSeal,
    serverRequests: {
      wait: () => ({ ticket: 'ticket', answer: answer.promise }),
      answer: () => Promise.resolve('taken'),
      withdraw: () => Promise.resolve(false),
    },
    tenants: 1,
  });
  const connection = held.bridge(server, {
    actor: actor(),
    slug: 's',
    capabilities: {},
    deliver: delivered,
  });
  return { connection, answer, delivered, upstream: () => upstream };
}

const asked = {
  kind: 'request',
  request: { jsonrpc: '2.0', id: 1, method: 'roots/list' },
  replyTo: { kind: 'session', session: 'x', version: '2025-11-25' },
} as const;

async function* asksOnce(signal: AbortSignal): AsyncGenerator<AnswerItem, void, undefined> {
  yield asked;
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('aborted'));
    });
  });
}

const callWith = (params: object): UpstreamCall => ({
  id: 1,
  method: 'tools/call',
  params: { name: 'a', ...params },
  envelope: undefined,
  traceparent: '',
});

async function outcomeIn(answer: Answer): Promise<Record<string, unknown>> {
  if (answer.kind === 'whole') throw new Error('a stream is expected');
  const item = await nextItem(answer.items);
  await answer.items.return();
  return item.kind === 'outcome' && 'result' in item.outcome ? item.outcome.result : {};
}

describe('a held call', () => {
  test('outlives the request that began it', async () => {
    const { connection, upstream } = bridged();
    const client = new AbortController();
    const result = await outcomeIn(await connection.request(callWith({}), client.signal));
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { request: { method: 'roots/list' } },
    });
    client.abort();
    expect(upstream().aborted).toBe(false);
  });

  test('is ended at its server when no answer comes in time', async () => {
    const { connection, answer, upstream } = bridged();
    await outcomeIn(await connection.request(callWith({}), new AbortController().signal));
    answer.resolve(undefined);
    await expect.poll(() => upstream().aborted).toBe(true);
  });

  test('is ended at its server when the state that other instances answer by fails', async () => {
    const { connection, answer, upstream } = bridged();
    await outcomeIn(await connection.request(callWith({}), new AbortController().signal));
    answer.reject(new Error('outage'));
    await expect.poll(() => upstream().aborted).toBe(true);
  });

  test('ends with the client that leaves after it has answered', async () => {
    const { connection, delivered, upstream } = bridged();
    const { requestState } = await outcomeIn(
      await connection.request(callWith({}), new AbortController().signal),
    );
    const client = new AbortController();
    const retry = callWith({ requestState, inputResponses: { request: { roots: [] } } });
    const answer = await connection.request(retry, client.signal);
    if (answer.kind === 'whole') throw new Error('a stream is expected');
    const next = expect(answer.items.next()).rejects.toThrow('aborted');
    await expect.poll(() => delivered.mock.calls.length).toBe(1);
    expect(delivered.mock.calls[0]?.[1]).toEqual({ result: { roots: [] } });
    client.abort();
    await next;
    expect(upstream().aborted).toBe(true);
  });
});

/**
 * Two instances, of which the first one holds calls. It reads the shared state this much later; `undefined`: never again. It
 * cannot read it at all for the first `outageMs`, and with `isMute` it writes nothing of what it takes. `own` replaces
 * functions of its state.
 */
function twoInstances(readsLaterMs: number | undefined, { outageMs = 0, isMute = false, own = {} } = {}) {
  const state = memoryState();
  const upstreams: AbortSignal[] = [];
  const availableAt = performance.now() + outageMs;
  const mute: typeof state.set = (key, ...rest) =>
    isMute && key.startsWith('mreg:mcp:answer:') ? new Promise(() => undefined) : state.set(key, ...rest);
  const slow: typeof state.get = async (key) => {
    if (performance.now() < availableAt) throw new InfrastructureError('redis', 'test', undefined);
    await new Promise((resume) => {
      if (readsLaterMs !== undefined) setTimeout(resume, readsLaterMs);
    });
    return state.get(key);
  };
  /** Ends the call with the input that the server got. */
  const told = Promise.withResolvers<Outcome>();
  const server: Connection = {
    era: 'legacy',
    usesMrtr: false,
    request(_call, signal) {
      upstreams.push(signal);
      return Promise.resolve({ kind: 'stream', items: asksThenEnds() });
    },
  };
  async function* asksThenEnds(): AsyncGenerator<AnswerItem, void, undefined> {
    yield asked;
    yield { kind: 'outcome', outcome: await told.promise };
  }
  const holder: Holder = {
    actor: actor(),
    slug: 's',
    capabilities: {},
    deliver: (_asked, outcome) => {
      told.resolve(outcome);
      return Promise.resolve();
    },
  };
  const instance = (own: typeof state) =>
    createHeldCalls({
      state: own,
      seal: testSeal,
      serverRequests: createServerRequests({ state: own, seal: testSeal }),
      tenants: 1,
    }).bridge(server, holder);
  return { one: instance({ ...state, get: slow, set: mute, ...own }), two: instance(state), upstreams };
}

describe('the retry of a held call at the instance that holds it', () => {
  const { signal } = new AbortController();

  test('goes on during an outage of the shared state', async () => {
    const away = () => Promise.reject(new InfrastructureError('redis', 'test', undefined));
    const { one } = twoInstances(0, { own: { get: away, delete: away } });
    const { requestState } = await outcomeIn(await one.request(callWith({}), signal));
    const input = callWith({ requestState, inputResponses: { request: { roots: [] } } });
    expect(await outcomeIn(await one.request(input, signal))).toMatchObject({ roots: [] });
  });

  test('wins over one at another instance whose input it has not found yet, which is then rejected', async () => {
    const { one, two } = twoInstances(0);
    const { requestState } = await outcomeIn(await one.request(callWith({}), signal));
    const input = callWith({ requestState, inputResponses: { request: { roots: [] } } });
    const elsewhere = await two.request(input, signal);
    if (elsewhere.kind === 'whole') throw new Error('a stream is expected');
    const other = nextItem(elsewhere.items);
    expect(await outcomeIn(await one.request(input, signal))).toMatchObject({ roots: [] });
    expect(await other).toMatchObject({ kind: 'outcome', outcome: { error: { code: -32602 } } });
  }, 10_000);
});

describe('the retry of a held call at another instance', () => {
  async function retry(readsLaterMs: number | undefined, more: Parameters<typeof twoInstances>[1] = {}) {
    vi.useFakeTimers();
    try {
      const { one, two, upstreams } = twoInstances(readsLaterMs, more);
      const { signal } = new AbortController();
      const { requestState } = await outcomeIn(await one.request(callWith({}), signal));
      await vi.advanceTimersByTimeAsync(more.outageMs ?? 0);
      const startedAt = performance.now();
      const input = { requestState, inputResponses: { request: { roots: [] } } };
      const answer = await two.request(callWith(input), signal);
      if (answer.kind === 'whole') throw new Error('a stream is expected');
      const next = nextItem(answer.items)
        .catch((error: unknown) => error)
        .then((item) => ({ item, ms: performance.now() - startedAt }));
      await vi.advanceTimersByTimeAsync(2 * PERSON_TIMEOUT_MS);
      return { ...(await next), upstreams };
    } finally {
      vi.useRealTimers();
    }
  }

  test('is rejected soon when the instance that held the call has died', async () => {
    const { item, ms } = await retry(undefined);
    expect(item).toMatchObject({ kind: 'outcome', outcome: { error: { code: -32602 } } });
    expect(ms).toBeLessThan(HOLDER_TIMEOUT_MS + 100);
  });

  test('waits for an instance that dies with the input no longer than a call may take', async () => {
    const { item, ms } = await retry(0, { isMute: true });
    expect(item).toMatchObject({ kind: 'timeout' });
    expect(ms).toBeLessThan(HOLDER_TIMEOUT_MS + CALL_TIMEOUT_MS + 1_000);
  });

  test('gets the outcome after an outage of the shared state', async () => {
    const { item } = await retry(0, { outageMs: 10_000 });
    expect(item).toMatchObject({ kind: 'outcome', outcome: { result: { roots: [] } } });
  });

  test('gets the outcome when that instance is slow', async () => {
    const { item, ms } = await retry(3_000);
    expect(item).toMatchObject({ kind: 'outcome', outcome: { result: { roots: [] } } });
    expect(ms).toBeGreaterThan(3_000);
  });

  test('is rejected when that instance is slower, which then ends the call at the server', async () => {
    const { item, upstreams } = await retry(12_000);
    expect(item).toMatchObject({ kind: 'outcome', outcome: { error: { code: -32602 } } });
    expect(upstreams.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
