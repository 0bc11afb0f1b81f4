import { expect, test } from 'vitest';
import { withoutRepeatedSlashes } from '../../../functions/http/repeatedSlashes.ts';
import type { Route } from '../../../functions/http/route.ts';

const handle = () => Promise.resolve({ ok: true as const, value: { status: 200 } });
const common = { permission: 'anonymous', handle } as const;
const routes: readonly Route<unknown>[] = [
  { ...common, name: 'read', method: 'GET', path: 'v0.1/servers/{*rest}', pages: 'every' },
  { ...common, name: 'link', method: 'GET', path: 'r/{secret}/v0.1/servers/{*rest}', pages: 'every' },
  { ...common, name: 'write', method: 'PUT', path: 'v0.1/servers/{*rest}' },
  { ...common, name: 'own', method: 'GET', path: 'servers/{slug}' },
];
const ask = (method: string, path: string) =>
  withoutRepeatedSlashes(new Request(`https://gateway.example${path}`, { method }), routes);

test.each([
  ['//v0.1/servers?limit=1', 'read', '/v0.1/servers?limit=1'],
  ['/v0.1//servers', 'read', '/v0.1/servers'],
  ['/r/secret//v0.1/servers', 'link', '/r/secret/v0.1/servers'],
  [
    '/r/secret///v0.1/servers/com.example%2Fa/versions/latest',
    'link',
    '/r/secret/v0.1/servers/com.example%2Fa/versions/latest',
  ],
  ['/v0.1/servers?search=a//b&x=//', undefined, ''],
])('%s is read as %s', (path, name, meant) => {
  const found = ask('GET', path);
  expect(found?.route.name).toBe(name);
  if (found) expect(found.request.url).toBe(`https://gateway.example${meant}`);
});

test.each([
  ['GET', '/v0.1/servers', 'a path that the host matches itself'],
  ['PUT', '//v0.1/servers/a', 'a write'],
  ['GET', '//servers/a', 'another route'],
  ['GET', '//nothing', 'no route'],
])('%s %s is left alone: %s', (method, path) => {
  expect(ask(method, path)).toBeUndefined();
});
