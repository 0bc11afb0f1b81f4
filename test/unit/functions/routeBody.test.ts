import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MAX_BODY_BYTES } from '../../../functions/http/limits.ts';
import type { Route } from '../../../functions/http/route.ts';
import { serve } from '../../../functions/http/serve.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';
import { callerTenant, type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import { type Body, good, ok, problemOf, put, routeThat, type Sent, url } from '../../support/testRoute.ts';

let deps: FakeHttpDeps;
beforeEach(() => {
  deps = fakeHttpDeps();
});

describe('a body', () => {
  const answerTo = (request: Request) => {
    const { route, calls } = routeThat(ok);
    return serve(route, deps)(request).then((response) => ({ response, calls }));
  };
  const sized = (bytes: number) => `{"name":"x"}${' '.repeat(bytes - 12)}`;
  const streamed = (text: string | Uint8Array) =>
    ReadableStream.from([typeof text === 'string' ? new TextEncoder().encode(text) : text]);

  test('is given to the handler parsed, beside the caller, the path and the query', async () => {
    const { route, calls } = routeThat(ok);
    await serve(
      { ...route, query: 'any' },
      deps,
    )(put(good, '{"name":"x"}', `${url}?id=evil&part=evil&wait=3`));
    expect(calls[0]).toMatchObject({
      body: { name: 'x' },
      params: { id: '7', part: '2' },
      actor: { tenantId: callerTenant, roles: ['Admin'] },
    });
    expect(calls[0]?.query.get('wait')).toBe('3');
    expect(calls[0]?.signal.aborted).toBe(false);
  });

  test('is parsed as the route wants it: numbers are doubles where it says nothing', async () => {
    const text = '{"name":1.0}';
    for (const [parseBody, body] of [
      [undefined, { name: 1 }],
      [parseExactJson, parseExactJson(text)],
    ] as const) {
      const { route, calls } = routeThat(ok, { body: z.any(), ...(parseBody && { parseBody }) });
      await serve(route, deps)(put(good, text));
      expect(calls[0]?.body).toEqual(body);
    }
  });

  test.each<[body: Sent, headers: Record<string, string>, why: string]>([
    [sized(MAX_BODY_BYTES), {}, 'of exactly 1 MiB'],
    [streamed(sized(MAX_BODY_BYTES)), {}, 'of exactly 1 MiB, without a length'],
    ['\ufeff{"name":"x"}', {}, 'with a byte order mark'],
    ['{"name":"x"}', { 'content-type': 'Application/JSON; charset=utf-8' }, 'with a charset'],
    ['{"name":"x"}', { 'content-encoding': 'identity' }, 'expressly not compressed'],
  ])('is taken (%#: %s)', async (body, headers) => {
    const { response } = await answerTo(put({ ...good, ...headers }, body));
    expect(response.status).toBe(200);
  });

  const canary = '"canary';
  test.each<[body: Sent, headers: Record<string, string>, status: number, words: string, why: string]>([
    [sized(MAX_BODY_BYTES + 1), {}, 413, 'larger than 1048576 bytes', 'a byte more than 1 MiB'],
    [streamed(sized(MAX_BODY_BYTES + 1)), {}, 413, 'larger than', 'the same, without a length'],
    [
      streamed(sized(MAX_BODY_BYTES + 1)),
      { 'content-length': '5' },
      413,
      'larger than',
      'a length that lies',
    ],
    ['{}', { 'content-length': '1048577' }, 413, 'larger than', 'a length alone is enough'],
    [
      '{"name":"x"}',
      { 'content-type': 'text/plain' },
      415,
      'must be JSON',
      'what a form of any page can send',
    ],
    ['{"name":"x"}', { 'content-type': '' }, 415, 'must be JSON', 'no type'],
    ['{"name":"x"}', { 'content-type': 'application/json-seq' }, 415, 'must be JSON', 'only begins like it'],
    [
      '{"name":"x"}',
      { 'content-type': 'text/plain; application/json' },
      415,
      'must be JSON',
      'only names it',
    ],
    ['{"name":"x"}', { 'content-encoding': 'gzip' }, 415, 'not be compressed', 'may grow without bound'],
    [
      '{"name":"x"}',
      { 'content-encoding': 'identity, br' },
      415,
      'not be compressed',
      'compressed all the same',
    ],
    ['', {}, 400, 'body is required', 'empty'],
    [null, {}, 400, 'body is required', 'none'],
    [' \n', {}, 400, 'not valid JSON', 'nothing but space'],
    [`{"name":${canary}`, {}, 400, 'not valid JSON', 'cut short'],
    [`{"name":"x"} ${canary}`, {}, 400, 'not valid JSON', 'something behind it'],
    [`{name:${canary}}`, {}, 400, 'not valid JSON', 'JavaScript'],
    [
      streamed(Buffer.from([0x22, 0xff, 0x22])),
      {},
      400,
      'not valid JSON in UTF-8',
      'bytes that are no UTF-8',
    ],
    [Buffer.from('{"name":"x"}', 'utf16le'), {}, 400, 'not valid JSON', 'UTF-16'],
    ['[]', {}, 400, 'see errors', 'of another shape'],
    ['null', {}, 400, 'see errors', 'of another shape'],
    ['{"name":7}', {}, 400, 'see errors', 'a wrong type'],
    ['{}', {}, 400, 'see errors', 'a missing field'],
    ['{"name":"x","extra":1}', {}, 400, 'see errors', 'a field that nobody knows'],
    ['{"name":"x","__proto__":{"admin":true}}', {}, 400, 'see errors', 'a field that may do harm'],
    ['['.repeat(500_000), {}, 400, 'not valid JSON', 'very deep and cut short'],
    ['['.repeat(100_000) + ']'.repeat(100_000), {}, 400, 'see errors', 'very deep'],
  ])('is refused (%#) with %j: %i %s (%s)', async (body, headers, status, words) => {
    const request = new Request(url, {
      method: 'PUT',
      headers: { ...good, ...headers },
      body,
      duplex: 'half',
    } as RequestInit);
    const { response, calls } = await answerTo(request);
    const problem = await problemOf(response);
    expect(response.status).toBe(status);
    expect(problem).toMatchObject({ status, detail: expect.stringContaining(words) as string });
    expect(JSON.stringify([problem, deps.lines])).not.toContain('canary');
    expect(calls).toEqual([]);
  });

  test('that is invalid is told by path', async () => {
    const { response } = await answerTo(put(good, '{"name":"much too long a name"}'));
    expect(await problemOf(response)).toMatchObject({
      errors: [{ path: 'name', message: expect.any(String) as string }],
    });
  });

  test('with fields that there are not is told each of them', async () => {
    const { response } = await answerTo(put(good, '{"name":"x","nmae":"x","titel":1}'));
    expect(await problemOf(response)).toMatchObject({
      errors: [
        { path: 'nmae', message: 'there is no such field' },
        { path: 'titel', message: 'there is no such field' },
      ],
    });
  });

  test('leaves no trace in other objects, whatever its keys are', async () => {
    const { route, calls } = routeThat(ok, { body: z.unknown() as unknown as z.ZodType<Body> });
    const keys = ['__proto__', 'constructor', 'prototype'];
    for (const key of keys)
      await serve(route, deps)(put(good, `{"${key}":{"admin":true,"prototype":{"admin":true}}}`));
    expect(calls).toHaveLength(keys.length);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    expect((Object as { admin?: unknown }).admin).toBeUndefined();
  });

  describe('that need not be', () => {
    const absent = { name: 'absent' };
    const sent = { name: 'sent' };
    const json = { 'content-type': 'application/json' };
    test.each<[string, Sent | null, Record<string, string>, number, Body | undefined]>([
      ['nothing is sent', null, {}, 200, absent],
      ['nothing is sent, and called JSON', null, json, 200, absent],
      ['not a byte is sent', streamed(Buffer.alloc(0)), {}, 200, absent],
      ['one is sent', JSON.stringify(sent), json, 200, sent],
      ['one is sent, and not called JSON', streamed(Buffer.from(JSON.stringify(sent))), {}, 415, undefined],
      ['what is sent is of another shape', '[]', json, 400, undefined],
    ])(
      'is what stands for it, or what was sent, or refused: %s',
      async (_, body, headers, status, expected) => {
        const { route, calls } = routeThat(ok, { bodyWhenAbsent: absent });
        const request = new Request(url, {
          method: 'PUT',
          headers: { authorization: good.authorization, ...headers },
          body,
          duplex: 'half',
        } as RequestInit);
        const { status: answered } = await serve(route, deps)(request);
        expect([answered, calls[0]?.body]).toEqual([status, expected]);
      },
    );
  });

  test('of a route without one is not read', async () => {
    let read = 0;
    const body = new ReadableStream(
      {
        pull: () => {
          read++;
        },
      },
      { highWaterMark: 0 },
    );
    const { body: _, ...bodiless } = routeThat(ok).route;
    const response = await serve(bodiless as Route<Body>, deps)(put({ authorization: 'Bearer Admin' }, body));
    expect([response.status, read]).toEqual([200, 0]);
  });
});
