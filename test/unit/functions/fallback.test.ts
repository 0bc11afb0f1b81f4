import { describe, expect, test } from 'vitest';
import { fallback } from '../../../functions/http/fallback.ts';
import type { Route } from '../../../functions/http/route.ts';

type Placed = Pick<Route, 'method' | 'path' | 'permission'>;
const routes: readonly Placed[] = [
  { method: 'GET', path: 'health', permission: 'anonymous' },
  { method: 'GET', path: 'servers', permission: 'servers.read' },
  { method: 'POST', path: 'servers', permission: 'servers.write' },
  { method: 'GET', path: 'servers/{slug}', permission: 'servers.read' },
  { method: 'DELETE', path: 'servers/{slug}', permission: 'servers.write' },
];
const page = 'https://app.contoso.com';
const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  fallback(new Request(`https://gateway.example${path}`, { method, headers }), routes, {
    ownHosts: new Set(['gateway.example']),
    allowedOrigins: new Set([page]),
  });

describe('an unknown path', () => {
  test.each([
    ['GET', '/', 'the root'],
    ['GET', '/nothing', 'no such thing'],
    ['POST', '/servers/a/b', 'a segment too many'],
    ['PUT', '/servers//', 'a parameter that is empty'],
    ['PUT', '/servers//a', 'an empty segment'],
    ['PUT', '/xservers', 'ends alike'],
    ['OPTIONS', '/nothing', 'a preflight to nowhere'],
    ['HEAD', '/nothing', 'HEAD to nowhere'],
    [
      'GET',
      '/servers/a',
      'a path and method that another function takes, had the host read the path as we do',
    ],
  ])('%s %s is 404: %s', async (method, path) => {
    const response = ask(method, path, { origin: page });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 404, kind: 'not_found' });
    expect(response.headers.has('allow')).toBe(false);
  });
});

describe('an undeclared method of a known path', () => {
  test.each([
    ['PUT', '/servers', 'GET, POST'],
    ['PATCH', '/servers/a', 'GET, DELETE'],
    ['DELETE', '/servers', 'GET, POST'],
    ['HEAD', '/health', 'GET'],
    ['POST', '/health', 'GET'],
    ['POST', '/Health/', 'GET'],
    ['POST', '/SERVERS/a/', 'GET, DELETE'],
    ['POST', '/servers/a%2Fb', 'GET, DELETE'],
    ['POST', '/health?method=GET', 'GET'],
    ['OPTIONS', '/servers', 'GET, POST'],
  ])('%s %s is 405 and allows %s', async (method, path, allow) => {
    const response = ask(method, path);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ kind: 'method_not_allowed' });
  });

  test('may be read by a page, so that its developer sees why', () => {
    expect(ask('PUT', '/servers', { origin: page }).headers.get('access-control-allow-origin')).toBe(page);
  });
});

describe('a preflight', () => {
  const preflight = (path: string, origin: string) =>
    ask('OPTIONS', path, {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, mcp-param-region',
    });

  test('of an allowed origin learns what it may ask', () => {
    const response = preflight('/servers', page);
    expect([response.status, response.body]).toEqual([204, null]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': page,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': '*, Authorization',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  });

  test.each(['https://evil.example', 'null', `${page}.evil.example`])(
    'of %s learns that it may not',
    (origin) => {
      const response = preflight('/servers', origin);
      expect(response.headers.has('access-control-allow-origin')).toBe(false);
      expect(response.headers.get('vary')).toBe('Origin');
    },
  );

  test('of any origin may ask for what is anonymous', () => {
    const { headers } = preflight('/health', 'https://any.example');
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });
});
