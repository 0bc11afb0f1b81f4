import { describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { createHeldCalls, type Holder } from '../../../shared/gateway/session/heldCalls.ts';
import type { Answer, AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import { nextItem } from '../../../shared/gateway/upstream/answer.ts';
import type { Connection, UpstreamCall } from '../../../shared/gateway/upstream/connection.ts';
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
    },
    tenants: 1,
  });
  const connection = held.bridge(server, { actor: actor(), slug: 's', deliver: delivered });
  return { connection, answer, delivered, upstream: () => upstream };
}

async function* asksOnce(signal: AbortSignal): AsyncGenerator<AnswerItem, void, undefined> {
  const request = { jsonrpc: '2.0', id: 1, method: 'roots/list' } as const;
  yield { kind: 'request', request, replyTo: { kind: 'session', session: 'x', version: '2025-11-25' } };
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
