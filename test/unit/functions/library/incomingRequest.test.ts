import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { incomingRequest } from '../../../../functions/http/library/incomingRequest.ts';
import type { ForwardedRequest } from '../../../../functions/http/library/invocationPairs.ts';

/** A request whose body the test writes. */
const forwarded = (more: object = {}) =>
  Object.assign(new PassThrough(), {
    method: 'POST',
    url: '/mcp',
    headers: { 'x-forwarded-host': 'gateway.example', 'x-forwarded-proto': 'https' },
    rawHeaders: [],
    onLeave: () => undefined,
    ...more,
  }) as unknown as ForwardedRequest & PassThrough;

test('the body of a client that stops sending is closed while its next chunk is awaited', async () => {
  const request = forwarded();
  const { url, body } = incomingRequest(request);
  expect(url).toBe('https://gateway.example/mcp');
  const chunks = body?.[Symbol.asyncIterator]();
  request.write('a');
  expect(String((await chunks?.next())?.value)).toBe('a');
  const waiting = chunks?.next().catch(() => 'cut');
  await chunks?.return?.();
  expect(request.destroyed).toBe(true);
  await waiting;
});

test('a body comes whole where it has arrived, and in chunks where it has not', async () => {
  const request = forwarded();
  const chunks = incomingRequest(request).body?.[Symbol.asyncIterator]();
  const next = async () => String((await chunks?.next())?.value);
  request.write('a');
  request.write('b');
  expect(await next()).toBe('ab');
  const later = next();
  request.end('c');
  expect(await later).toBe('c');
  expect(await chunks?.next()).toEqual({ done: true, value: undefined });
  expect(request.listenerCount('readable')).toBe(0);
});

test('a body whose client leaves fails, also before it is read', async () => {
  const request = forwarded();
  const chunks = incomingRequest(request).body?.[Symbol.asyncIterator]();
  const waiting = chunks?.next();
  request.destroy();
  await expect(waiting).rejects.toThrow('closed before the end');
  await expect(chunks?.next()).rejects.toThrow('closed before the end');
});

test('a request that cannot be read says why, and its body is read away', () => {
  const request = forwarded({ rawHeaders: ['X-N', '\u0001'] });
  const { body, unreadable } = incomingRequest(request);
  expect(unreadable).toContain('x-n has a byte');
  expect(body).toBeNull();
  expect(request.isPaused()).toBe(false);
});
