import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createInvocationPairs,
  type InvocationPairs,
} from '../../../../functions/http/library/invocationPairs.ts';

let pairs: InvocationPairs;
beforeEach(() => {
  vi.useFakeTimers();
  pairs = createInvocationPairs();
});
afterEach(async () => {
  // No timer goes on once nothing waits.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** The two sides of a forwarded request, as far as they are touched. */
function exchange() {
  const answered: number[] = [];
  const request = { resume: vi.fn() } as unknown as IncomingMessage;
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableFinished: false,
    writeHead(status: number) {
      answered.push(status);
      return { end: () => undefined };
    },
  });
  const close = (writableFinished: boolean) => {
    Object.assign(response, { destroyed: true, writableFinished });
    response.emit('close');
  };
  return { request, response: response as unknown as ServerResponse, answered, close };
}

describe('an invocation and its request', () => {
  test.each(['request', 'invocation'])('find each other when the %s comes first', async (first) => {
    const { request, response, answered } = exchange();
    if (first === 'request') pairs.arrive('a', request, response);
    const found = pairs.requestOf('a');
    if (first === 'invocation') pairs.arrive('a', request, response);
    expect(await found).toBe(request);
    expect(pairs.takeResponse('a')).toBe(response);
    expect(() => pairs.takeResponse('a')).toThrow('no request of this invocation');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(answered).toEqual([]);
  });

  test.each([
    { closes: 'before the whole answer is written', isWritten: false, told: 1 },
    { closes: 'after the whole answer is written', isWritten: true, told: 0 },
  ])('$closes, a connection that closes is reported $told times', async ({ isWritten, told }) => {
    const { request, response, close } = exchange();
    pairs.arrive('a', request, response);
    const act = vi.fn();
    (await pairs.requestOf('a')).onLeave(act);
    expect(act).not.toHaveBeenCalled();
    close(isWritten);
    expect(act).toHaveBeenCalledTimes(told);
  });

  test('that meet after the client has left report it at once', async () => {
    const { request, response, close } = exchange();
    const found = pairs.requestOf('a');
    close(false);
    pairs.arrive('a', request, response);
    const act = vi.fn();
    (await found).onLeave(act);
    expect(act).toHaveBeenCalledTimes(1);
  });

  test('are told apart from others, whatever their ids are', async () => {
    const ids = ['a', '__proto__', 'constructor'];
    const all = ids.map((id) => ({ id, ...exchange() }));
    const found = ids.map((id) => pairs.requestOf(id));
    for (const { id, request, response } of all) pairs.arrive(id, request, response);
    expect(await Promise.all(found)).toEqual(all.map(({ request }) => request));
    expect(ids.map((id) => pairs.takeResponse(id))).toEqual(all.map(({ response }) => response));
  });

  test('whose request never comes fails after 6 seconds', async () => {
    const failed = expect(pairs.requestOf('a')).rejects.toThrow('has not forwarded');
    await vi.advanceTimersByTimeAsync(6_000);
    await failed;
  });

  test('that never comes leaves its request answered, before that', async () => {
    const { request, response, answered } = exchange();
    pairs.arrive('mine', request, response);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(answered).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(answered).toEqual([400]);
  });

  test.each<{ id: string | readonly string[] | undefined; why: string }>([
    { id: undefined, why: 'no id' },
    { id: ['a', 'b'], why: 'two ids' },
    { id: 'taken', why: 'the id of another that waits' },
  ])('a request with $why is answered at once', async ({ id }) => {
    const [other, own] = [exchange(), exchange()];
    pairs.arrive('taken', other.request, other.response);
    pairs.arrive(id, own.request, own.response);
    expect(own.answered).toEqual([400]);
    expect(await pairs.requestOf('taken')).toBe(other.request);
  });
});
