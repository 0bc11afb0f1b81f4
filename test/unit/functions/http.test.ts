import { HttpRequest } from '@azure/functions';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { Answer, Call, Route } from '../../../functions/http/route.ts';
import { recorded, serve } from '../../../functions/http/serve.ts';
import { MAX_BODY_BYTES } from '../../../functions/http/requestBody.ts';
import { errorKinds, InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';
import { type Result, fail, succeed } from '../../../shared/platform/base/result.ts';
import { type FakeHttpDeps, callerTenant, fakeHttpDeps } from '../../support/httpDeps.ts';

/** What Fetch takes for a body. */
type Sent = ConstructorParameters<typeof Response>[0];

interface Body {
  readonly name: string;
}

/** A route that keeps the calls it is given. */
function routeThat(
  handle: (call: Call<Body>) => Promise<Result<Answer> | Response>,
  more: Partial<Route<Body>> = {},
) {
  const calls: Call<Body>[] = [];
  const route: Route<Body> = {
    name: 'notes-put',
    method: 'PUT',
    path: 'notes/{id}/parts/{part}',
    permission: 'servers.write',
    body: z.strictObject({ name: z.string().max(10) }),
    handle: (call) => {
      calls.push(call);
      return handle(call);
    },
    ...more,
  };
  return { route, calls };
}
const ok = () => Promise.resolve(succeed({ status: 200, body: { ok: true } }));

const url = 'https://gateway.example/notes/7/parts/2';
const good = { authorization: 'Bearer Admin', 'content-type': 'application/json' };
const put = (headers: Record<string, string>, body: Sent = '{"name":"x"}', at = url): Request =>
  new Request(at, { method: 'PUT', headers, body, duplex: 'half' });

let deps: FakeHttpDeps;
const rejections: unknown[] = [];
const keep = (error: unknown) => rejections.push(error);
beforeEach(() => {
  deps = fakeHttpDeps();
  rejections.length = 0;
  process.on('unhandledRejection', keep);
});
afterEach(() => {
  process.off('unhandledRejection', keep);
});

const problemOf = async (response: Response): Promise<unknown> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return response.json();
};

describe('an answer', () => {
  test('is what the handler says, with ids to find it by', async () => {
    const { route } = routeThat(() =>
      Promise.resolve(succeed({ status: 202, body: { a: 1 }, headers: { location: '/plans/1' } })),
    );
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const response = await serve(route, deps)(put({ ...good, traceparent }));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ a: 1 });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('location')).toBe('/plans/1');
    expect(response.headers.get('x-request-id')).toBe('id-1');
    expect(response.headers.get('traceparent')).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
    expect(deps.lines).toEqual([
      expect.objectContaining({
        event: 'request_handled',
        fields: {
          requestId: 'id-1',
          traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
          route: 'notes-put',
          status: 202,
          durationMs: expect.any(Number) as number,
        },
      }),
    ]);
  });

  test('may have no body', async () => {
    const { route } = routeThat(() => Promise.resolve(succeed({ status: 204 })));
    const response = await serve(route, deps)(put(good));
    expect([response.status, response.body, response.headers.get('content-type')]).toEqual([204, null, null]);
  });

  test('may be a stream, which is handed on as it is', async () => {
    const stream = new Response(ReadableStream.from([new TextEncoder().encode('data: 1\n\n')]), {
      headers: { 'content-type': 'text/event-stream' },
    });
    const { route } = routeThat(() => Promise.resolve(stream));
    const response = await serve(route, deps)(put(good));
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-request-id')).toBe('id-1');
    expect(await response.text()).toBe('data: 1\n\n');
  });

  test.each(errorKinds)('of kind %s is its problem document', async (kind) => {
    const error = { kind, message: 'what happened', errors: [{ path: 'a.b', message: 'is wrong' }] };
    const { route } = routeThat(() => Promise.resolve(fail(error)));
    const response = await serve(route, deps)(put(good));
    expect(await problemOf(response)).toEqual(toProblem(error));
    expect(response.status).toBe(toProblem(error).status);
    expect(response.headers.get('x-request-id')).toBe('id-1');
    expect(response.headers.has('traceparent')).toBe(true);
  });

  test.each([
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [89_500, '90'],
  ])('that is worth another try in %i ms says so in whole seconds', async (retryAfterMs, header) => {
    const error = { kind: 'exhausted', message: 'all in use', retryAfterMs } as const;
    const response = await serve(routeThat(() => Promise.resolve(fail(error))).route, deps)(put(good));
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe(header);
    expect(await problemOf(response)).toEqual(toProblem(error));
  });

  test('is worded by the route where it has words of its own', async () => {
    const { route } = routeThat(ok, { wordError: ({ kind }) => ({ status: 418, body: { error: kind } }) });
    const response = await serve(route, deps)(put({}));
    expect([response.status, await response.json()]).toEqual([418, { error: 'unauthenticated' }]);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });
});

describe('checks come in one order', () => {
  const defects = {
    origin: 'https://evil.example',
    authorization: 'Bearer User',
    'content-type': 'text/plain',
  };

  test.each<[headers: Record<string, string>, status: number, words: string, judged: number, why: string]>([
    [defects, 403, 'this web origin', 0, 'the origin of a page'],
    [{ 'content-type': 'text/plain' }, 401, 'access token is required', 1, 'then the token'],
    [
      { ...good, authorization: 'Bearer roleless' },
      403,
      'holds no role',
      1,
      'then whether it holds any role',
    ],
    [{ ...defects, origin: 'https://app.contoso.com' }, 403, 'permission servers.write', 1, 'then the role'],
    [{ ...good, 'content-type': 'text/plain' }, 415, 'must be JSON', 1, 'then the type of the body'],
  ])('%j: %i %s (%i tokens judged): %s', async (headers, status, words, judged) => {
    let read = 0;
    const body = new ReadableStream(
      {
        pull: () => {
          read++;
        },
      },
      { highWaterMark: 0 },
    );
    const { route, calls } = routeThat(ok);
    const response = await serve(route, deps)(put(headers, body));
    const problem = await problemOf(response);
    expect(response.status).toBe(status);
    expect(problem).toMatchObject({ status, detail: expect.stringContaining(words) as string });
    expect(deps.judged).toHaveLength(judged);
    expect([calls.length, read]).toEqual([0, 0]);
  });

  test.each([
    'null',
    'https://app.contoso.com.evil.example',
    'http://app.contoso.com',
    'https://APP.contoso.com',
    '',
  ])('the origin %j is not the allowed one', async (origin) => {
    const { route, calls } = routeThat(ok);
    const response = await serve(route, deps)(put({ ...good, origin }));
    expect(response.status).toBe(403);
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(calls).toEqual([]);
  });

  test('an anonymous route asks neither for an origin nor for a token', async () => {
    const { route, calls } = routeThat(ok, { permission: 'anonymous' });
    const headers = { ...good, origin: 'https://evil.example', authorization: 'Bearer Admin' };
    expect((await serve(route, deps)(put(headers))).status).toBe(200);
    expect(deps.judged).toEqual([]);
    expect(calls[0]?.principal).toMatchObject({ tenantId: '', roles: [] });
  });

  test('a token in the URL beside another in the header is a bad request, whichever is good', async () => {
    const { route, calls } = routeThat(ok);
    const response = await serve(route, deps)(put(good, undefined, `${url}?access_token=Admin`));
    expect(response.status).toBe(400);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"');
    expect([deps.judged, calls]).toEqual([[], []]);
  });

  test.each([
    ['http://1.2.3.400/notes/7/parts/2', 400, 'no host'],
    ['http://user@gateway.example/notes/7/parts/2', 400, 'user information'],
    ['https://evil.example/notes/7/parts/2', 421, 'the host of somebody else'],
    ['https://gateway.example:8443/notes/7/parts/2', 421, 'another port'],
  ])('a request for %s is %i before anything else: %s', async (at, status) => {
    const { route, calls } = routeThat(ok);
    // A Fetch `Request` cannot have such a URL.
    const request = { method: 'PUT', url: at, headers: new Headers(good), body: null };
    const response = await serve(route, deps)(request);
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ status });
    expect([deps.judged, calls]).toEqual([[], []]);
  });

  test('identity headers of other systems count for nothing', async () => {
    const { route } = routeThat(ok);
    const headers = {
      'content-type': 'application/json',
      'x-ms-client-principal': Buffer.from('{"userRoles":["Gateway.Admin"]}').toString('base64'),
      'x-ms-client-principal-id': 'admin',
      'x-forwarded-user': 'admin',
      'x-dev-roles': 'Gateway.Admin',
      cookie: 'token=Bearer Admin',
    };
    const response = await serve(
      route,
      deps,
    )(put(headers, undefined, `${url}?access_token=Admin&code=Admin`));
    expect(response.status).toBe(401);
    expect(deps.judged).toEqual([null]);
  });
});

describe('a refused sign-in', () => {
  test.each([
    [
      {},
      401,
      'missing',
      'Bearer resource_metadata="https://mcp.contoso.com/metadata", scope="api://client/mcp.access"',
    ],
    [{ authorization: 'Bearer canary' }, 401, 'malformed', 'error="invalid_token"'],
    [{ authorization: 'Bearer roleless' }, 403, 'no_role', undefined],
  ])(
    '%j is challenged where that helps, and logged by its reason alone',
    async (headers, status, reason, words) => {
      const { route } = routeThat(ok);
      const response = await serve(route, deps)(put(headers));
      expect(response.status).toBe(status);
      if (words === undefined) expect(response.headers.has('www-authenticate')).toBe(false);
      else expect(response.headers.get('www-authenticate')).toContain(words);
      expect(deps.lines[0]).toMatchObject({ event: 'sign_in_refused', fields: { reason } });
      expect(JSON.stringify([deps.lines, await problemOf(response)])).not.toContain('canary');
    },
  );
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
    await serve(route, deps)(put(good, '{"name":"x"}', `${url}?id=evil&part=evil&wait=3`));
    expect(calls[0]).toMatchObject({
      body: { name: 'x' },
      params: { id: '7', part: '2' },
      principal: { tenantId: callerTenant, roles: ['Admin'] },
    });
    expect(calls[0]?.query.get('wait')).toBe('3');
    expect(calls[0]?.signal.aborted).toBe(false);
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

describe('path parameters', () => {
  test('come from the path alone, not from where the host mixes query and body into them', async () => {
    const { route, calls } = routeThat(ok);
    const request = new HttpRequest({
      method: 'PUT',
      url: `${url}?id=evil&part=evil&tenant=evil`,
      headers: good,
      params: { id: 'evil', part: 'evil', tenant: 'evil' },
      body: { string: '{"name":"x"}' },
    });
    await serve(route, deps)(request);
    expect(calls[0]?.params).toEqual({ id: '7', part: '2' });
  });
});

describe('a handler', () => {
  const hanging = () => new Promise<never>(() => undefined);

  test('that never answers is answered for, and told so by its signal', async () => {
    const { route, calls } = routeThat(hanging, { deadlineMs: 5 });
    const response = await serve(route, deps)(put(good));
    expect(response.status).toBe(504);
    expect(await problemOf(response)).toMatchObject({
      detail: expect.stringContaining('too long') as string,
    });
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(response.headers.get('x-request-id')).toBe('id-1');
  });

  test.each([
    ['answers', () => succeed({ status: 200, body: 'late' })],
    [
      'fails',
      () => {
        throw new Error('late');
      },
    ],
  ])('that %s too late is not heard any more', async (_, finish) => {
    const { route } = routeThat(
      async ({ signal }) => {
        await once(signal, 'abort');
        return finish();
      },
      { deadlineMs: 5 },
    );
    const response = await serve(route, deps)(put(good));
    await new Promise(setImmediate);
    expect(response.status).toBe(504);
    expect(await response.text()).not.toContain('late');
    expect(rejections).toEqual([]);
    expect(deps.lines.map(({ event }) => event)).toEqual(['request_handled']);
  });

  test('is not waited for where the sign-in or the body never ends', async () => {
    const { route, calls } = routeThat(ok, { deadlineMs: 5 });
    const slow = fakeHttpDeps({ verifyToken: hanging });
    expect((await serve(route, slow)(put(good))).status).toBe(504);
    const body = new ReadableStream({ pull: hanging });
    expect((await serve(route, deps)(put(good, body))).status).toBe(504);
    expect(calls).toEqual([]);
  });

  test('that answers in time leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      expect((await serve(routeThat(ok).route, deps)(put(good))).status).toBe(200);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  const canary = 'canary at db.internal';
  test.each([
    [new Error(canary), 500, 'an unexpected fault'],
    [new InfrastructureError('tables', 'get servers', new Error(canary)), 503, 'try again'],
    [canary, 500, 'an unexpected fault'],
    [undefined, 500, 'an unexpected fault'],
    [{ kind: 'not_found', message: canary }, 500, 'an unexpected fault'],
  ])('that throws %s is answered for: %i', async (thrown, status, words) => {
    const raise = () => {
      throw thrown as Error;
    };
    const throwing = [raise, () => Promise.resolve().then(raise)];
    for (const handle of throwing) {
      const { route } = routeThat(handle);
      const response = await serve(route, deps)(put(good));
      const problem = await problemOf(response);
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe(status === 503 ? '5' : null);
      expect(problem).toMatchObject({ status, detail: expect.stringContaining(words) as string });
      expect(JSON.stringify([problem, [...response.headers]])).not.toContain('canary');
      const traceId = response.headers.get('traceparent')?.split('-')[1];
      expect(deps.lines.at(-2)).toEqual({
        level: 'error',
        event: 'request_failed',
        fields: { route: 'notes-put', traceId },
        cause: thrown,
      });
    }
  });

  test('whose signing keys cannot be had is 503 and not 401', async () => {
    const { route } = routeThat(ok);
    const outage = new InfrastructureError('identity_provider', 'fetch signing keys', new Error('x'));
    const response = await serve(
      route,
      fakeHttpDeps({ verifyToken: () => Promise.reject(outage) }),
    )(put(good));
    expect(response.status).toBe(503);
    expect(response.headers.has('www-authenticate')).toBe(false);
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a body that is no JSON', succeed({ status: 200, body: 1n })],
    ['a status that is none', succeed({ status: 42 })],
    ['a header that is none', succeed({ status: 200, headers: { 'x-y': 'a\nb' } })],
  ])('that answers %s is answered for', async (_, wrong) => {
    const { route } = routeThat(() => Promise.resolve(wrong as Result<Answer>));
    expect((await serve(route, deps)(put(good))).status).toBe(500);
  });
});

describe('a page', () => {
  const allowed = 'https://app.contoso.com';

  test.each<[headers: Record<string, string>, status: number, why: string]>([
    [{ ...good, origin: allowed }, 200, 'an answer'],
    [{ origin: allowed }, 401, 'a refusal, with the challenge to read'],
  ])('of an allowed origin may read %j, which is %i: %s', async (headers, status) => {
    const response = await serve(routeThat(ok).route, deps)(put(headers));
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
    expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    expect(response.headers.get('vary')).toBe('Origin');
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  });

  test.each<[headers: Record<string, string>, why: string]>([
    [{ ...good, origin: 'https://evil.example' }, 'of another origin'],
    [good, 'of none: the answer may be kept for others'],
  ])('%#: %s may read nothing, and caches are told so', async (headers) => {
    const response = await serve(routeThat(ok).route, deps)(put(headers));
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(response.headers.get('vary')).toBe('Origin');
  });

  test.each<Record<string, string>>([{}, { origin: 'https://any.example' }, { origin: 'null' }])(
    'of any origin may read what is anonymous: %j',
    async (headers) => {
      const { route } = routeThat(ok, { permission: 'anonymous' });
      const response = await serve(route, deps)(put({ ...good, ...headers }));
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.has('vary')).toBe(false);
    },
  );
});

test('whatever a function answers can be found again', async () => {
  const answer = recorded('other', deps, () => new Response(null, { status: 404 }));
  const response = await answer(put({}));
  expect(response.headers.get('x-request-id')).toBe('id-1');
  expect(deps.lines[0]).toMatchObject({ event: 'request_handled', fields: { route: 'other', status: 404 } });
});

describe('how the time was spent', () => {
  const timingOf = async (headers: Record<string, string>, more: Partial<Route<Body>> = {}) =>
    (await serve(routeThat(ok, more).route, deps)(put(headers))).headers.get('server-timing');

  test('is told to those who are let in, stage by stage', async () => {
    expect(await timingOf(good)).toMatch(
      /^admission;dur=\d+\.\d\d, body;dur=\d+\.\d\d, handling;dur=\d+\.\d\d$/,
    );
  });

  test('is told behind what the handler says of its own stages', async () => {
    const own = () => Promise.resolve(new Response(null, { headers: { 'server-timing': 'upstream;dur=5' } }));
    const response = await serve(routeThat(own).route, deps)(put(good));
    expect(response.headers.get('server-timing')).toMatch(/^upstream;dur=5, admission;dur=/);
  });

  test.each<[headers: Record<string, string>, more: Partial<Route<Body>>, who: string]>([
    [{ 'content-type': 'application/json' }, {}, 'somebody without a token'],
    [{ ...good, authorization: 'Bearer no.such.token' }, {}, 'somebody whose token is refused'],
    [{ ...good, authorization: 'Bearer User' }, {}, 'somebody whose role does not suffice'],
    [good, { permission: 'anonymous' }, 'callers of what everyone may ask for'],
  ])('%#: is not told to %s', async (headers, more) => {
    expect(await timingOf(headers, more)).toBeNull();
  });

  test('goes with the word about a slow answer', async () => {
    const told: string[] = [];
    const now = vi.spyOn(performance, 'now');
    let ms = 0;
    now.mockImplementation(() => (ms += 1_000));
    const recordSlow = (...[, , , stages]: Parameters<NonNullable<FakeHttpDeps['recordSlow']>>) => {
      told.push(stages);
    };
    await serve(routeThat(ok).route, { ...deps, recordSlow })(put(good));
    now.mockRestore();
    expect(told).toEqual([expect.stringMatching(/^admission;dur=1000\.00, body;dur=1000\.00/)]);
  });
});
