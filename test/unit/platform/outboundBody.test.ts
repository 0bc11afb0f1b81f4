import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { IdleTimeout, ReceivedBody } from '../../../shared/platform/outboundBody.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A body, and what was done to its exchange. An exchange that is aborted fails with the reason, as the HTTP client has it. */
function received() {
  const done: string[] = [];
  const body: ReceivedBody = new ReceivedBody({
    abort: (reason) => {
      done.push('abort');
      body.fail(reason);
    },
    pause: () => done.push('pause'),
    resume: () => done.push('resume'),
  });
  return { body, done };
}

const chunk = (length: number) => Buffer.alloc(length, 'x');

describe('taken whole', () => {
  test('a body that is there already takes no timer', async () => {
    const { body, done } = received();
    body.data(Buffer.from('hel'));
    body.data(Buffer.from('lo'));
    body.end();
    const bytes = body.bytes(5, 1_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(String(await bytes)).toBe('hello');
    expect(done).toEqual([]);
  });

  test('a body that comes later is waited for, however slowly it goes on', async () => {
    const { body } = received();
    const bytes = body.bytes(100, 1_000);
    for (let part = 0; part < 5; part++) {
      vi.advanceTimersByTime(900);
      body.data(chunk(2));
    }
    body.end();
    expect(await bytes).toHaveLength(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one that falls silent is given up', async () => {
    const { body, done } = received();
    const bytes = body.bytes(100, 1_000);
    body.data(chunk(1));
    vi.advanceTimersByTime(1_000);
    await expect(bytes).rejects.toBeInstanceOf(IdleTimeout);
    expect(done.at(-1)).toBe('abort');
  });

  test.each([
    ['before it is taken', true],
    ['while it is read', false],
  ])('one that grows past its bound %s is given up, and what comes is not kept', async (_, isEarly) => {
    const { body, done } = received();
    if (isEarly) body.data(chunk(11));
    const bytes = body.bytes(10, 1_000);
    if (!isEarly) body.data(chunk(11));
    expect(await bytes).toBeUndefined();
    expect(done).toContain('abort');
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ['before it is taken', true],
    ['while it is read', false],
  ])('one that breaks off %s says why', async (_, isEarly) => {
    const { body } = received();
    const fault = new Error('gone');
    body.data(chunk(1));
    if (isEarly) body.fail(fault);
    const bytes = body.bytes(10, 1_000);
    if (!isEarly) body.fail(fault);
    await expect(bytes).rejects.toBe(fault);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('of a body that nobody takes little is read', () => {
  const { body, done } = received();
  body.data(chunk(64 * 1024));
  expect(done).toEqual([]);
  body.data(chunk(1));
  expect(done).toEqual(['pause']);
});

describe('taken as a stream', () => {
  test('it comes as it is received, what was held first', async () => {
    const { body } = received();
    body.data(Buffer.from('a'));
    const stream = body.stream().setEncoding('utf8');
    body.data(Buffer.from('b'));
    body.end();
    expect((await stream.toArray()).join('')).toBe('ab');
  });

  test('who reads slowly holds the server up', () => {
    const { body, done } = received();
    const stream = body.stream();
    done.length = 0;
    body.data(chunk(stream.readableHighWaterMark));
    expect(done).toEqual(['pause']);
    stream.read();
    expect(done).toEqual(['pause', 'resume']);
  });

  test('who leaves before the end ends the exchange, and after the end does not', async () => {
    const early = received();
    early.body.stream().destroy();
    expect(early.done).toContain('abort');
    const late = received();
    late.body.end();
    const stream = late.body.stream();
    await stream.toArray();
    stream.destroy();
    expect(late.done).not.toContain('abort');
  });

  test('a fault that nobody hears ends nothing but the stream', async () => {
    const { body } = received();
    const stream = body.stream();
    body.fail(new Error('gone'));
    await new Promise((closed) => stream.on('close', closed));
    expect(stream.errored).toEqual(new Error('gone'));
  });
});
