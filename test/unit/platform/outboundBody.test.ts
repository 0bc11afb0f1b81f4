import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { IdleTimeout, ReceivedBody } from '../../../shared/platform/outbound/outboundBody.ts';

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
    const { body, done } = received();
    const bytes = body.bytes(100, 1_000);
    for (let part = 0; part < 5; part++) {
      await vi.advanceTimersByTimeAsync(900);
      body.data(chunk(2));
    }
    body.end();
    expect(await bytes).toHaveLength(10);
    // No timer of the body is left that could abort the exchange.
    await vi.advanceTimersByTimeAsync(10_000);
    expect(done).not.toContain('abort');
  });

  test('one that falls silent is given up', async () => {
    const { body, done } = received();
    const bytes = body.bytes(100, 1_000);
    const told = expect(bytes).rejects.toBeInstanceOf(IdleTimeout);
    body.data(chunk(1));
    await vi.advanceTimersByTimeAsync(1_000);
    await told;
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

describe('taken chunk by chunk', () => {
  test('it comes as it is received, what was held first', async () => {
    const { body } = received();
    body.data(Buffer.from('a'));
    const first = await body.next();
    const waiting = body.next();
    body.data(Buffer.from('b'));
    body.data(Buffer.from('c'));
    body.end();
    const rest = [await waiting, await body.next(), await body.next()];
    expect([first, ...rest].map((chunk) => chunk?.toString())).toEqual(['a', 'b', 'c', undefined]);
  });

  test('who reads slowly holds the server up', async () => {
    const { body, done } = received();
    body.data(chunk(64 * 1024));
    body.data(chunk(1));
    await body.next();
    await body.next();
    expect(done).toEqual(['pause']);
    void body.next();
    expect(done).toEqual(['pause', 'resume']);
  });

  test('what came before it broke off is handed over, and then why', async () => {
    const { body } = received();
    const fault = new Error('gone');
    body.data(chunk(3));
    body.fail(fault);
    expect(await body.next()).toHaveLength(3);
    await expect(body.next()).rejects.toBe(fault);
  });

  test('silence is counted only while it is waited for', async () => {
    const { body, done } = received();
    body.data(chunk(1));
    vi.advanceTimersByTime(5_000);
    await body.next(1_000);
    const waiting = body.next(1_000);
    vi.advanceTimersByTime(999);
    expect(done).not.toContain('abort');
    vi.advanceTimersByTime(1);
    await expect(waiting).rejects.toBeInstanceOf(IdleTimeout);
    expect(done).toContain('abort');
  });
});

describe('left', () => {
  test('at once it ends the exchange, unless that has ended', () => {
    const early = received();
    early.body.leave();
    expect(early.done).toContain('abort');
    const late = received();
    late.body.end();
    late.body.leave();
    expect(late.done).not.toContain('abort');
  });

  test('with time to end, it ends the exchange only when that is over, and keeps nothing of what comes', async () => {
    const { body, done } = received();
    body.data(chunk(64 * 1024 + 1));
    body.leave(250);
    body.data(chunk(1_000_000));
    expect(done).toEqual(['pause', 'resume']);
    expect(await body.next()).toBeUndefined();
    vi.advanceTimersByTime(250);
    expect(done.at(-1)).toBe('abort');
  });

  test('a server that ends in time keeps its connection', () => {
    const { body, done } = received();
    body.leave(250);
    body.end();
    expect(vi.getTimerCount()).toBe(0);
    expect(done).not.toContain('abort');
  });
});

test('an error that no caller waits for raises no unhandled rejection, and rejects the next read', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  try {
    const { body, done } = received();
    body.fail(new Error('gone'));
    body.leave();
    await nextTurn();
    expect(unhandled).not.toHaveBeenCalled();
    expect(done).toEqual([]);
    await expect(body.next()).rejects.toThrow('gone');
  } finally {
    process.off('unhandledRejection', unhandled);
  }
});
