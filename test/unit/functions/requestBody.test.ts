import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MAX_BODY_BYTES } from '../../../functions/http/limits.ts';
import { readJson } from '../../../functions/http/requestBody.ts';

const MEBIBYTE = 1024 * 1024;
const headers = new Headers({ 'content-type': 'application/json' });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A body of mebibytes, of which each is made when it is asked for, by a client that stops sending after some. */
function bodyOf(mebibytes: number, sent = mebibytes) {
  let [count, cancelled] = [0, false];
  const body: AsyncIterable<Uint8Array, undefined> = {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (cancelled || count === mebibytes) return Promise.resolve({ done: true, value: undefined });
        if (count === sent) return new Promise(() => undefined);
        count += 1;
        return Promise.resolve({ done: false, value: Buffer.alloc(MEBIBYTE) });
      },
      return() {
        cancelled = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  return { source: { headers, body }, read: () => count, isCancelled: () => cancelled };
}

test('a body whose client leaves is a bad request, and no fault of ours', async () => {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error('aborted'));
    },
  });
  expect(await readJson({ headers, body })).toEqual({
    ok: false,
    error: { kind: 'bad_request', message: 'the connection ended before the whole body had come' },
  });
});

const tooLarge = {
  ok: false,
  error: { kind: 'too_large', message: `the body is larger than ${MAX_BODY_BYTES} bytes` },
};

describe('a body over the bound', () => {
  test.each([2, 8, 100])('of %i MiB is read to its end before the answer', async (mebibytes) => {
    const { source, read, isCancelled } = bodyOf(mebibytes);
    expect(await readJson(source)).toEqual(tooLarge);
    expect(read()).toBe(mebibytes);
    expect(isCancelled()).toBe(false);
  });

  test('that does not end is waited for 5 seconds, and read for a minute at most', async () => {
    const { source, isCancelled } = bodyOf(3, 2);
    let answer: unknown;
    const answered = readJson(source).then((result) => (answer = result));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(answer).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await answered).toEqual(tooLarge);
    expect(isCancelled()).toBe(false);
    await vi.advanceTimersByTimeAsync(55_000);
    expect(isCancelled()).toBe(true);
  });

  test('is cut off where it is longer than what the Functions host takes', async () => {
    const { source, read, isCancelled } = bodyOf(1_000);
    expect(await readJson(source)).toEqual(tooLarge);
    expect(isCancelled()).toBe(true);
    expect(read()).toBeLessThan(140);
  });

  test('whose client leaves in the middle is no fault', async () => {
    let count = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if ((count += 1) > 3) controller.error(new Error('aborted'));
        else controller.enqueue(Buffer.alloc(MEBIBYTE));
      },
    });
    expect(await readJson({ headers, body })).toEqual(tooLarge);
  });
});
