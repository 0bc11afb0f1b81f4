import { beforeEach, describe, expect, test } from 'vitest';
import type { Refused } from '../../../functions/http/admit.ts';
import { serve } from '../../../functions/http/serve.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import { good, ok, problemOf, put, routeThat, url } from '../../support/testRoute.ts';

let deps: FakeHttpDeps;
beforeEach(() => {
  deps = fakeHttpDeps();
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
    expect(calls[0]?.actor).toMatchObject({ tenantId: '', roles: [] });
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
      'x-ms-client-actor': Buffer.from('{"userRoles":["Gateway.Admin"]}').toString('base64'),
      'x-ms-client-actor-id': 'admin',
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

describe('a revoked user or client', () => {
  test('is refused before the role is judged, with a challenge', async () => {
    const refused: Refused[] = [];
    const { route, calls } = routeThat(ok);
    const http = fakeHttpDeps({
      isRevoked: () => Promise.resolve(true),
      recordRefusal: (refusal) => void refused.push(refusal),
    });
    const response = await serve(route, http)(put({ ...good, authorization: 'Bearer User' }));
    expect([response.status, calls]).toEqual([401, []]);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(refused).toMatchObject([{ reason: 'revoked', actor: { userId: 'user' } }]);
  });

  test('is not assumed while that is not known: the answer is 503', async () => {
    const { route, calls } = routeThat(ok);
    const isRevoked = () => Promise.reject(new InfrastructureError('redis', 'get', undefined));
    const response = await serve(route, fakeHttpDeps({ isRevoked }))(put(good));
    expect([response.status, response.headers.has('retry-after'), calls]).toEqual([503, true, []]);
  });
});
