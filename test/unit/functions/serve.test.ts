import { once } from 'node:events';
import { HttpRequest } from '@azure/functions';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Answer, Route } from '../../../functions/http/route.ts';
import { recorded, serve } from '../../../functions/http/serve.ts';
import { errorKinds, InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';
import { type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import {
  type Body,
  good,
  ok,
  problemOf,
  put,
  routeThat,
  url,
  watchRejections,
} from '../../support/testRoute.ts';

let deps: FakeHttpDeps;
const rejections = watchRejections();
beforeEach(() => {
  deps = fakeHttpDeps();
});

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
    const { route } = routeThat(ok, { formatError: ({ kind }) => ({ status: 418, body: { error: kind } }) });
    const response = await serve(route, deps)(put({}));
    expect([response.status, await response.json()]).toEqual([418, { error: 'unauthenticated' }]);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });
});

describe('path parameters', () => {
  test('come from the path alone, not from where the host mixes query and body into them', async () => {
    const { route, calls } = routeThat(ok, { query: 'any' });
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

  test('is told by its signal that the client has left, and may stop without a fault', async () => {
    let leave = (): void => undefined;
    const { route, calls } = routeThat(({ signal }) => {
      leave();
      return signal.aborted ? Promise.reject(new Error('stopped')) : ok();
    });
    await serve(route, deps)(Object.assign(put(good), { onLeave: (act: () => void) => (leave = act) }));
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(deps.lines.map(({ event }) => event)).toEqual(['request_handled']);
  });

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
