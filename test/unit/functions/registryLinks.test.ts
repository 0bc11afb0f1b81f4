import { beforeEach, describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { linkIdOf } from '../../../shared/registry/links/registryLink.ts';
import { callerTenant } from '../../support/httpDeps.ts';
import { type RegistryApi, registryApi } from '../../support/registryApi.ts';
import { serverJson } from '../../support/serverJson.ts';

const other = '22222222-2222-4222-8222-222222222222';

let api: RegistryApi;
let operations: string[];
let away: boolean;
beforeEach(() => {
  operations = [];
  away = false;
  api = registryApi((operation) => {
    operations.push(operation);
    if (away) throw new InfrastructureError('tables', 'test', undefined);
  });
});

const tagged = (name: string, tags: string[]) =>
  api.call('POST', '/v0.1/publish', {
    body: serverJson({ name, _meta: { 'mcp-registry-gateway/server': { tags } } }),
  });
interface Link {
  readonly id: string;
  readonly expiresAt: string;
  readonly path: string;
}
const create = async (body: object = { name: 'Developers' }, tenantId?: string): Promise<Link> => {
  const answer = await api.call('POST', '/registry-links', {
    body,
    ...(tenantId !== undefined && { tenantId }),
  });
  expect(answer.status).toBe(201);
  return answer.body as Link;
};
const read = (path: string) => api.call('GET', path, { role: null });
const names = ({ body }: { body: unknown }) =>
  (body as { servers: { server: { name: string } }[] }).servers.map(({ server }) => server.name);

describe('a registry link', () => {
  test('lets whoever has the URL read the registry of its tenant without a token', async () => {
    await tagged('com.example/a', []);
    const { path } = await create();
    for (const base of ['v0.1', 'v0']) {
      expect(names(await read(`${path}/${base}/servers?limit=1`))).toEqual(['com.example/a']);
      expect((await read(`${path}/${base}/servers/com.example%2Fa/versions/latest`)).status).toBe(200);
      expect((await read(`${path}/${base}/servers/com.example%2Fb/versions/latest`)).status).toBe(404);
    }
  });

  test('shows its secret of 256 bits once, and storage has only the hash', async () => {
    const link = await create();
    expect(link.path).toMatch(/^\/r\/[\w-]{43}$/);
    const secret = link.path.slice(3);
    const listed = await api.call('GET', '/registry-links');
    expect(listed.body).toMatchObject({ items: [{ id: link.id, name: 'Developers', createdBy: 'user' }] });
    expect(JSON.stringify(listed.body)).not.toContain(secret);
    expect((await read(`/r/${link.id}/v0.1/servers`)).status).toBe(404);
    expect((await create()).path).not.toBe(link.path);
  });

  test('ends after 90 days, or after as many as its maker said, and says when', async () => {
    const day = 24 * 3_600_000;
    const [usual, short, long] = await Promise.all([
      create(),
      create({ name: 'Short', expiresInDays: 1 }),
      create({ name: 'Long', expiresInDays: 365 }),
    ]);
    expect([usual.expiresAt, short.expiresAt, long.expiresAt]).toEqual([
      '2026-04-01T00:00:00.000Z',
      '2026-01-02T00:00:00.000Z',
      '2027-01-01T00:00:00.000Z',
    ]);
    const statuses = async () =>
      Promise.all([usual, short, long].map(async ({ path }) => (await read(`${path}/v0.1/servers`)).status));
    api.elapse(day - 1);
    expect(await statuses()).toEqual([200, 200, 200]);
    api.elapse(1);
    expect(await statuses()).toEqual([200, 404, 200]);
    api.elapse(89 * day);
    expect(await statuses()).toEqual([404, 404, 200]);
    api.elapse(275 * day);
    expect(await statuses()).toEqual([404, 404, 404]);
    const { body } = await api.call('GET', '/registry-links');
    expect((body as { items: Link[] }).items.map(({ expiresAt }) => expiresAt).sort()).toEqual(
      [short, usual, long].map(({ expiresAt }) => expiresAt),
    );
  });

  test('of before links ended is good for 90 days from when it was made', async () => {
    const secret = 'o'.repeat(43);
    const createdAt = '2025-12-01T00:00:00.000Z';
    const old = { tenantId: callerTenant, id: linkIdOf(secret), name: 'Old', createdBy: 'user', createdAt };
    await api.links.add(old);
    expect((await read(`/r/${secret}/v0.1/servers`)).status).toBe(200);
    expect((await api.call('GET', '/registry-links')).body).toMatchObject({
      items: [{ name: 'Old', expiresAt: '2026-03-01T00:00:00.000Z' }],
    });
    api.elapse(59 * 24 * 3_600_000);
    expect((await read(`/r/${secret}/v0.1/servers`)).status).toBe(404);
  });

  test.each([0, 366, 1.5, -1, '90', null])('cannot be good for %j days', async (expiresInDays) => {
    const answer = await api.call('POST', '/registry-links', { body: { name: 'Odd', expiresInDays } });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ path: 'expiresInDays' }] });
  });

  test('leaves no trace in caches, in other pages and in guesses of a browser, whatever is answered', async () => {
    const { path } = await create();
    const asked: readonly [method: string, at: string, status: number][] = [
      ['GET', `${path}/v0.1/servers`, 200],
      ['GET', `${path}/v0.1/servers?limit=x`, 400],
      ['GET', `${path}/v0.1/servers/com.example%2Fnone/versions`, 404],
      ['GET', `/r/${'x'.repeat(43)}/v0.1/servers`, 404],
      ['GET', '/r/%2F/v0.1/servers', 404],
      ['POST', `${path}/v0.1/servers`, 405],
      ['POST', '/registry-links', 201],
    ];
    for (const [method, at, status] of asked) {
      const body = method === 'POST' ? { name: 'One' } : undefined;
      const { headers, ...answer } = await api.call(method, at, {
        ...(at.startsWith('/r/') && { role: null }),
        body,
      });
      expect([
        answer.status,
        headers.get('cache-control'),
        headers.get('x-content-type-options'),
        headers.get('referrer-policy'),
      ]).toEqual([status, 'no-store', 'nosniff', 'no-referrer']);
    }
  });

  test('reads only: nothing is published, edited or deleted by it', async () => {
    await tagged('com.example/a', []);
    const { path } = await create();
    const version = `${path}/v0.1/servers/com.example%2Fa/versions/1.0.0`;
    for (const [method, at] of [
      ['POST', `${path}/v0.1/publish`],
      ['PUT', version],
      ['PATCH', `${version}/status`],
      ['DELETE', version],
    ] as const) {
      for (const role of [null, 'Admin']) {
        const body = method === 'DELETE' ? undefined : serverJson();
        expect([404, 405]).toContain((await api.call(method, at, { role, body })).status);
      }
    }
  });

  test('reads its own tenant only', async () => {
    await tagged('com.example/a', []);
    const theirs = await create({ name: 'Theirs' }, other);
    expect(names(await read(`${theirs.path}/v0.1/servers`))).toEqual([]);
    expect((await read(`${theirs.path}/v0.1/servers/com.example%2Fa/versions/latest`)).status).toBe(404);
  });

  test('with tags shows the servers that have one of them, in lists and by name', async () => {
    await tagged('com.example/a', ['finance']);
    await tagged('com.example/b', ['sales', 'public']);
    await tagged('com.example/c', []);
    const { path } = await create({ name: 'Some', tags: ['finance', 'public'] });
    expect(names(await read(`${path}/v0.1/servers`))).toEqual(['com.example/a', 'com.example/b']);
    expect(names(await read(`${path}/v0.1/servers?search=example&version=latest`))).toHaveLength(2);
    for (const [name, status] of [
      ['a', 200],
      ['b', 200],
      ['c', 404],
    ] as const) {
      for (const tail of ['', '/latest', '/1.0.0']) {
        expect((await read(`${path}/v0.1/servers/com.example/${name}/versions${tail}`)).status).toBe(status);
      }
    }
  });

  test('that was revoked opens nothing any more', async () => {
    const { id, path } = await create();
    expect((await read(`${path}/v0.1/servers`)).status).toBe(200);
    expect((await api.call('DELETE', `/registry-links/${id}`)).status).toBe(204);
    expect((await read(`${path}/v0.1/servers`)).status).toBe(404);
    expect((await api.call('DELETE', `/registry-links/${id}`)).status).toBe(404);
    expect((await api.call('GET', '/registry-links')).body).toEqual({ items: [] });
  });

  test('of another tenant is neither listed nor revoked', async () => {
    const { id, path } = await create();
    expect((await api.call('GET', '/registry-links', { tenantId: other })).body).toEqual({ items: [] });
    expect((await api.call('DELETE', `/registry-links/${id}`, { tenantId: other })).status).toBe(404);
    expect((await read(`${path}/v0.1/servers`)).status).toBe(200);
  });

  test.each(['%2F', '%00', 'é', 'x'.repeat(10_000)])(
    'whose secret cannot be one, %s, is not looked up',
    async (secret) => {
      operations = [];
      expect((await read(`/r/${secret}/v0.1/servers`)).status).toBe(404);
      expect(operations).toEqual([]);
    },
  );

  test.each(['wrong', 'x'.repeat(43), '__proto__'])(
    'that there is not, %s, is found out by one read of a hash',
    async (secret) => {
      operations = [];
      expect((await read(`/r/${secret}/v0.1/servers`)).status).toBe(404);
      expect(operations).toEqual(['get registryLinks']);
    },
  );

  test('whose storage does not answer is a 503', async () => {
    const { path } = await create();
    away = true;
    expect((await read(`${path}/v0.1/servers`)).status).toBe(503);
  });

  test('is named in no log line and no audit record by its secret', async () => {
    const { path } = await create();
    const secret = path.slice(3);
    await read(`${path}/v0.1/servers`);
    await read(`${path}/v0.1/servers?limit=0`);
    away = true;
    await read(`${path}/v0.1/servers`);
    away = false;
    expect(api.http.lines.length).toBeGreaterThan(3);
    const written = [
      JSON.stringify(api.http.lines),
      ...api.http.lines.map(({ cause }) => (cause instanceof Error ? (cause.stack ?? '') : '')),
      ...(await api.audited()),
    ].join();
    expect(written).not.toContain(secret);
  });
});

test.each([
  [{}, 'name'],
  [{ name: '' }, 'name'],
  [{ name: 'x'.repeat(101) }, 'name'],
  [{ name: 'x', tags: [] }, 'tags'],
  [{ name: 'x', tags: ['Not A Tag'] }, 'tags.0'],
  [{ name: 'x', tags: Array.from({ length: 21 }, (_, index) => `t${index}`) }, 'tags'],
  [{ name: 'x', tenantId: other }, 'tenantId'],
])('a link of %j is refused with a word on %s', async (body, path) => {
  const answer = await api.call('POST', '/registry-links', { body });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  expect((await api.call('GET', '/registry-links')).body).toEqual({ items: [] });
});

test('links are made, listed and revoked by administrators only', async () => {
  const { id } = await create();
  for (const role of ['User', 'Operator', 'Auditor']) {
    expect((await api.call('POST', '/registry-links', { role, body: { name: 'x' } })).status).toBe(403);
    expect((await api.call('GET', '/registry-links', { role })).status).toBe(403);
    expect((await api.call('DELETE', `/registry-links/${id}`, { role })).status).toBe(403);
  }
  const audited = await api.audited();
  expect(audited).toContain('registry-links.create registry-links succeeded');
});
