import { decodePath, encodePath } from '@mcp-registry-gateway/functions-host';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { readTarget } from '../../../functions/management/officialRegistry/target.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { specificVersion } from '../../../shared/registry/serverJson/text.ts';
import { publish as publishing } from '../../../shared/registry/versions/changes.ts';
import { badServerJsons } from '../../support/badServerJsons.ts';
import { callerTenant } from '../../support/httpDeps.ts';
import { publication } from '../../support/publications.ts';
import { type RegistryApi, registryApi } from '../../support/registryApi.ts';
import { serverJson } from '../../support/serverJson.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const inventory = 'com.example/inventory';
const encoded = encodeURIComponent(inventory);
const other = '22222222-2222-4222-8222-222222222222';
const OFFICIAL = 'io.modelcontextprotocol.registry/official';
const OURS = 'mcp-registry-gateway/server';

let api: RegistryApi;
let away: boolean;
let beforeOperation: (operation: string) => void;
beforeEach(() => {
  away = false;
  beforeOperation = () => undefined;
  api = registryApi((operation) => {
    beforeOperation(operation);
    if (away) throw new InfrastructureError('tables', 'test', undefined);
  });
});

const publish = async (more: Readonly<Record<string, unknown>> = {}, tenantId?: string) => {
  api.elapse(1_000);
  return api.call('POST', '/v0.1/publish', {
    body: serverJson(more),
    ...(tenantId !== undefined && { tenantId }),
  });
};
interface Entry {
  readonly server: { name: string; version: string; title?: string };
  readonly _meta: Record<string, Record<string, unknown>>;
}
const entriesOf = ({ body }: { body: unknown }) => (body as { servers: Entry[] }).servers;
const ids = (answer: { body: unknown }) =>
  entriesOf(answer).map(({ server }) => `${server.name} ${server.version}`);
const list = async (query = '') => ids(await api.call('GET', `/v0.1/servers${query}`));
const official = ({ body }: { body: unknown }) => (body as Entry)._meta[OFFICIAL] ?? {};

describe.each(['/v0.1', '/v0'])('under %s', (base) => {
  test('what is published is listed, found by its version and found as the latest', async () => {
    const published = await api.call('POST', `${base}/publish`, { body: serverJson() });
    expect(published.status).toBe(200);
    expect(published.body).toEqual({
      server: serverJson(),
      _meta: {
        [OFFICIAL]: {
          status: 'active',
          statusChangedAt: '2026-01-01T00:00:00.000Z',
          publishedAt: '2026-01-01T00:00:00.000Z',
          updatedAt: '2026-01-01T00:00:00.000Z',
          isLatest: true,
        },
        [OURS]: { tags: [] },
      },
    });
    expect(await api.call('GET', `${base}/servers`)).toMatchObject({
      status: 200,
      body: { servers: [published.body], metadata: { count: 1 } },
    });
    for (const version of ['1.0.0', 'latest']) {
      const found = await api.call('GET', `${base}/servers/${encoded}/versions/${version}`);
      expect(found).toMatchObject({ status: 200, body: published.body });
    }
  });
});

describe('a name in a path', () => {
  test.each([
    ['', { kind: 'list' }],
    ['com.example%2Fa/versions', { kind: 'versions', name: 'com.example/a' }],
    ['com.example%252Fa/versions', { kind: 'versions', name: 'com.example/a' }],
    ['com.example%2fa/versions/1.0.0', { kind: 'version', name: 'com.example/a', version: '1.0.0' }],
    ['com.example/a/versions/1.0.0', { kind: 'version', name: 'com.example/a', version: '1.0.0' }],
    [
      'com.example/versions/versions/latest',
      { kind: 'version', name: 'com.example/versions', version: 'latest' },
    ],
    [
      'versions/status/versions/status/status',
      { kind: 'status', name: 'versions/status', version: 'status' },
    ],
    ['com.example/status/status', { kind: 'status', name: 'com.example/status' }],
    ['com.example%2Fa/status', { kind: 'status', name: 'com.example/a' }],
    ['a/b/versions/1.0%2B5', { kind: 'version', name: 'a/b', version: '1.0+5' }],
    ['a/b/versions/1.0+5', { kind: 'version', name: 'a/b', version: '1.0+5' }],
    ['a/b/versions/%E7%89%88', { kind: 'version', name: 'a/b', version: '版' }],
    ['a/b/versions/x%2Fy', { kind: 'version', name: 'a/b', version: 'x/y' }],
    ['a', undefined],
    ['a/b', undefined],
    ['a%2Fb', undefined],
    ['a/b/c/versions', undefined],
    ['a%2Fb%2Fc/versions', undefined],
    ['a/b/versions//', undefined],
    ['a/b/versions/1/status/more', undefined],
    ['a/b/versions/1/other', undefined],
    ['%/b/versions', undefined],
    ['a b/c/versions', undefined],
    ['../b/versions', { kind: 'versions', name: '../b' }],
  ])('%j is %j', (rest, target) => {
    expect(readTarget(rest)).toEqual(target);
  });

  test('is read as it was written, with its version, whichever way its slash is spelled', () => {
    const name = fc
      .tuple(fc.stringMatching(/^[a-zA-Z0-9.-]{1,9}$/), fc.stringMatching(/^[a-zA-Z0-9._-]{1,9}$/))
      .filter((parts) => parts.every((part) => !/^\.+$/.test(part)));
    const version = fc
      .oneof(
        fc.constantFrom('latest', 'status', 'versions'),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      )
      .filter((text) => specificVersion.safeParse(text).success || text === 'latest')
      // A client that means an encoded slash by this is answered; one that means these three characters is not.
      .filter((text) => !/%2f/i.test(text));
    fc.assert(
      fc.property(name, version, ([space, own], wanted) => {
        for (const slash of ['%2F', '%2f', '/']) {
          const sent = `/${space}${slash}${own}/versions/${encodeURIComponent(wanted)}`;
          // As a client asks and as Azure's front writes it again.
          for (const rest of [sent, encodePath(decodePath(sent))]) {
            const { pathname } = new URL(rest, 'https://gateway.example');
            const target = { kind: 'version', name: `${space}/${own}`, version: wanted };
            expect(readTarget(pathname.slice(1))).toEqual(target);
          }
        }
      }),
    );
  });

  test.each([encoded, inventory, encoded.toLowerCase()])('is understood as %s', async (name) => {
    await publish();
    for (const path of ['/versions', '/versions/1.0.0', '/versions/latest']) {
      expect((await api.call('GET', `/v0.1/servers/${name}${path}`)).status).toBe(200);
    }
  });
});

describe('a list', () => {
  beforeEach(async () => {
    await publish({ name: 'com.example/a', version: '1.0.0', description: 'Invoices' });
    await publish({ name: 'com.example/a', version: '2.0.0', description: 'Invoices and more' });
    await publish({ name: 'com.example/b', version: '1.0.0', description: 'Payments' });
    await publish({ name: 'com.example/c', version: '1.0.0', description: 'Letters' });
    api.elapse(1_000);
    await api.call('DELETE', '/v0.1/servers/com.example%2Fc/versions/1.0.0');
  });
  const [a1, a2, b1, c1] = [
    'com.example/a 1.0.0',
    'com.example/a 2.0.0',
    'com.example/b 1.0.0',
    'com.example/c 1.0.0',
  ];

  test.each([
    ['', [a1, a2, b1], 'all that is not deleted'],
    ['?include_deleted=true', [a1, a2, b1, c1], 'all'],
    ['?include_deleted=false', [a1, a2, b1], 'what is not deleted'],
    ['?version=latest', [a2, b1], 'the latest of each'],
    ['?version=1.0.0', [a1, b1], 'one version'],
    ['?version=latest&include_deleted=true', [a2, b1, c1], 'the latest of each, deleted ones too'],
    ['?search=INVOICES', [a1, a2], 'a word of the description, in any letters'],
    ['?search=example%2Fb', [b1], 'part of a name'],
    ['?search=payments&version=latest', [b1], 'words and the latest'],
    ['?updated_since=2026-01-01T00:00:03Z', [b1, c1], 'what has changed since, deletions with it'],
    [
      '?updated_since=2026-01-01T01:00:03%2B01:00&include_deleted=false',
      [b1, c1],
      'the same in another zone',
    ],
    ['?updated_since=2027-01-01T00:00:00Z', [], 'nothing since'],
    ['?search=&cursor=&version=&updated_since=', [a1, a2, b1], 'empty values count as none'],
    ['?unknown=1', [a1, a2, b1], 'what the API does not know is passed over'],
  ])('asked for %s has %j: %s', async (query, expected) => {
    expect(await list(query)).toEqual(expected);
  });

  test('goes on where the cursor says, to its end', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const page = await api.call('GET', `/v0.1/servers?limit=2&cursor=${cursor}`);
      seen.push(...ids(page));
      const { nextCursor } = (page.body as { metadata: { nextCursor?: string } }).metadata;
      if (nextCursor === undefined) break;
      cursor = encodeURIComponent(nextCursor);
    }
    expect(seen).toEqual([a1, a2, b1]);
  });

  test.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '-1'],
    ['limit', '1.5'],
    ['limit', 'ten'],
    ['cursor', '***'],
    ['cursor', 'L2V0Yy9wYXNzd2Q'],
    ['updated_since', 'yesterday'],
    ['updated_since', '2025-08-07'],
    ['include_deleted', 'yes'],
    ['search', 'x'.repeat(201)],
    ['version', 'x'.repeat(256)],
  ])('with %s=%s is refused with a word on that parameter', async (name, value) => {
    const answer = await api.call('GET', `/v0.1/servers?${name}=${value}`);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: name }] } });
  });

  test('has 30 unless it is told', async () => {
    for (let number = 0; number < 31; number++) await publish({ name: `com.example/n${number}` });
    expect(await list()).toHaveLength(30);
    expect(await list('?limit=100')).toHaveLength(34);
    expect(await list('?limit=1')).toHaveLength(1);
  });
});

describe('the versions of a server', () => {
  test('are listed with the newest publication first', async () => {
    for (const version of ['1.0.0', '3.0.0', '2.0.0']) await publish({ version });
    const answer = await api.call('GET', `/v0.1/servers/${encoded}/versions`);
    expect(entriesOf(answer).map(({ server }) => server.version)).toEqual(['2.0.0', '3.0.0', '1.0.0']);
    expect(entriesOf(answer).map(({ _meta }) => _meta[OFFICIAL]?.['isLatest'])).toEqual([false, true, false]);
  });

  test('that are deleted are there for who asks, and the latest is another', async () => {
    for (const version of ['1.0.0', '2.0.0']) await publish({ version });
    const path = `/v0.1/servers/${encoded}/versions`;
    expect(official(await api.call('DELETE', `${path}/2.0.0`))).toMatchObject({
      status: 'deleted',
      isLatest: false,
    });
    expect((await api.call('GET', `${path}/2.0.0`)).status).toBe(404);
    expect((await api.call('GET', `${path}/2.0.0?include_deleted=true`)).status).toBe(200);
    expect((await api.call('GET', `${path}/latest`)).body).toMatchObject({ server: { version: '1.0.0' } });
    expect(entriesOf(await api.call('GET', path))).toHaveLength(1);
    expect(entriesOf(await api.call('GET', `${path}?include_deleted=true`))).toHaveLength(2);
    expect((await api.call('GET', `${path}?include_deleted=2`)).status).toBe(400);
    api.elapse(1_000);
    expect((await api.call('DELETE', `${path}/2.0.0`)).status).toBe(404);
    await api.call('DELETE', `${path}/1.0.0`);
    for (const gone of [path, `${path}/latest`, `${path}/1.0.0`])
      expect((await api.call('GET', gone)).status).toBe(404);
  });

  test.each([
    ['/v0.1/servers/com.example%2Fnone/versions', 'no such server'],
    ['/v0.1/servers/com.example%2Fnone/versions/latest', 'no such server'],
    [`/v0.1/servers/${encoded}/versions/9.9.9`, 'no such version'],
    [`/v0.1/servers/${encoded}`, 'a path that the API has given up'],
    [`/v0.1/servers/${encoded}/status`, 'a status is only set'],
    ['/v0.1/servers/a%2Fb%2Fc/versions', 'no name'],
  ])('%s is not found: %s', async (path) => {
    await publish();
    const answer = await api.call('GET', path);
    expect(answer).toMatchObject({ status: 404, body: { error: 'Server not found', title: 'Not Found' } });
  });
});

test('a version of a registered server says which one it is and where the gateway has it', async () => {
  const made = { ...publication(callerTenant, {}, ['finance']), slug: 'inventory' };
  await api.versions.change(callerTenant, inventory, publishing(made, new Date()));
  const { body } = await api.call('GET', `/v0.1/servers/${encoded}/versions/latest`);
  expect((body as Entry)._meta[OURS]).toEqual({
    slug: 'inventory',
    endpoint: 'https://mcp.contoso.com/servers/inventory/mcp',
    tags: ['finance'],
  });
});

describe('publishing', () => {
  test('a version twice is a conflict that names it, and the first one stays', async () => {
    await publish({ title: 'First' });
    const second = await publish({ title: 'Second' });
    expect(second).toMatchObject({ status: 409, body: { errors: [{ path: 'version' }] } });
    const found = await api.call('GET', `/v0.1/servers/${encoded}/versions/1.0.0`);
    expect(found.body).toMatchObject({ server: { title: 'First' } });
  });

  test.each(badServerJsons)(
    '%s is refused with a word on the field, and nothing is stored',
    async (_, body, path) => {
      const answer = await api.call('POST', '/v0.1/publish', { body });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
      expect(await list('?include_deleted=true')).toEqual([]);
    },
  );

  test.each([
    [415, {}, 'text/plain'],
    [400, '{', 'application/json'],
    [413, `"${'x'.repeat(1_100_000)}"`, 'application/json'],
  ])('a body that cannot be read is a %i', async (status, body, type) => {
    const answer = await api.call('POST', '/v0.1/publish', { body, headers: { 'content-type': type } });
    expect(answer.status).toBe(status);
  });
});

describe('an edit', () => {
  const path = `/v0.1/servers/${encoded}/versions/1.0.0`;

  test('corrects the description and keeps what clients rely on', async () => {
    await publish();
    api.elapse(1_000);
    const answer = await api.call('PUT', path, { body: serverJson({ description: 'Better' }) });
    expect(answer).toMatchObject({ status: 200, body: { server: { description: 'Better' } } });
    expect(official(answer)).toMatchObject({
      publishedAt: '2026-01-01T00:00:01.000Z',
      updatedAt: '2026-01-01T00:00:02.000Z',
    });
    for (const more of [{ name: 'com.example/x' }, { version: '2.0.0' }, { remotes: [] }]) {
      const refused = await api.call('PUT', path, { body: serverJson(more) });
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: Object.keys(more)[0] }] } });
    }
    expect((await api.call('GET', path)).body).toEqual(answer.body);
  });

  test('of what is not there is a 404', async () => {
    expect((await api.call('PUT', path, { body: serverJson() })).status).toBe(404);
    expect((await api.call('PUT', '/v0.1/servers', { body: serverJson() })).status).toBe(404);
  });
});

describe('a status', () => {
  const path = `/v0.1/servers/${encoded}/versions/1.0.0/status`;

  test('is set with its message and its time', async () => {
    await publish();
    api.elapse(1_000);
    const answer = await api.call('PATCH', path, { body: { status: 'deprecated', statusMessage: 'Use v2' } });
    expect(official(answer)).toEqual({
      status: 'deprecated',
      statusMessage: 'Use v2',
      statusChangedAt: '2026-01-01T00:00:02.000Z',
      publishedAt: '2026-01-01T00:00:01.000Z',
      updatedAt: '2026-01-01T00:00:02.000Z',
      isLatest: true,
    });
    expect(await list()).toHaveLength(1);
  });

  test('that is set already is refused in the words of the official registry', async () => {
    await publish();
    await api.call('PATCH', path, { body: { status: 'deprecated' } });
    api.elapse(1_000);
    expect(await api.call('PATCH', path, { body: { status: 'deprecated' } })).toMatchObject({
      status: 400,
      body: { error: 'No changes to apply: status is already deprecated' },
    });
  });

  test.each([
    [{}, 'status'],
    [{ status: 'gone' }, 'status'],
    [{ status: 'deprecated', statusMessage: 'x'.repeat(501) }, 'statusMessage'],
    [{ status: 'deprecated', statusMessage: 7 }, 'statusMessage'],
    [{ status: 'active', statusMessage: 'Back' }, 'statusMessage'],
  ])('%j is refused with a word on the field', async (body, field) => {
    await publish();
    expect(await api.call('PATCH', path, { body })).toMatchObject({
      status: 400,
      body: { errors: [{ path: field }] },
    });
  });

  const publishRegistered = async (owner: string) => {
    const entry = {
      ...publication(callerTenant),
      slug: 'stock',
      ...(owner === other && { sharedBy: other }),
    };
    await api.versions.change(callerTenant, inventory, publishing(entry, new Date(0)));
  };

  test('does not bring back a server that is deleted at the same time', async () => {
    await publishRegistered(callerTenant);
    const record = serverRecord({ tenantId: callerTenant, slug: 'stock' });
    await api.servers.add(record);
    await api.call('PATCH', path, { body: { status: 'deleted' } });
    let removal: Promise<unknown> | undefined;
    beforeOperation = (operation) => {
      if (operation.startsWith('commit')) removal ??= api.servers.remove(record, '*');
    };
    expect(await api.call('PATCH', path, { body: { status: 'active' } })).toMatchObject({ status: 400 });
    expect(await removal).toBe('removed');
    expect(await list()).toEqual([]);
  });

  test.each([
    ['its own tenant', callerTenant],
    ['another tenant, which shares it', other],
  ])('does not bring back a server of %s that is disabled or deleted', async (_, owner) => {
    await publishRegistered(owner);
    const patch = (status: string, at = path) => api.call('PATCH', at, { body: { status } });
    await patch('deleted');
    const refused = { status: 400, body: { errors: [{ path: 'status' }] } };
    expect(await patch('active')).toMatchObject(refused);
    await api.servers.add(serverRecord({ tenantId: owner, slug: 'stock', status: 'disabled' }));
    expect(await patch('active')).toMatchObject(refused);
    expect(await patch('deprecated')).toMatchObject(refused);
    expect(await patch('active', `/v0.1/servers/${encoded}/status`)).toMatchObject(refused);
    expect(await list()).toEqual([]);
    const stored = await api.servers.find(owner, 'stock');
    if (!stored) throw new Error('the server is gone');
    await api.servers.replace({ ...stored.value, status: 'active' }, stored.etag);
    expect(await patch('active')).toMatchObject({ status: 200 });
    expect(await list()).toHaveLength(1);
  });

  test('of all versions is set at once, and tells how many it changed', async () => {
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await publish({ version });
    api.elapse(1_000);
    const all = `/v0.1/servers/${encoded}/status`;
    const answer = await api.call('PATCH', all, { body: { status: 'deleted', statusMessage: 'Gone' } });
    expect(answer).toMatchObject({ status: 200, body: { updatedCount: 3 } });
    expect(await list()).toEqual([]);
    api.elapse(1_000);
    expect(
      (await api.call('PATCH', all, { body: { status: 'deleted', statusMessage: 'Gone' } })).status,
    ).toBe(400);
    await api.call('PATCH', path, { body: { status: 'active' } });
    expect(await list()).toEqual([`${inventory} 1.0.0`]);
  });

  test('of what is not there is a 404', async () => {
    for (const missing of [path, '/v0.1/servers/com.example%2Fnone/status', '/v0.1/servers']) {
      expect((await api.call('PATCH', missing, { body: { status: 'deleted' } })).status).toBe(404);
    }
  });
});

describe('who may', () => {
  const writes: [string, string, unknown][] = [
    ['POST', '/v0.1/publish', serverJson({ version: '2.0.0' })],
    ['PUT', `/v0.1/servers/${encoded}/versions/1.0.0`, serverJson({ title: 'x' })],
    ['PATCH', `/v0.1/servers/${encoded}/versions/1.0.0/status`, { status: 'deprecated' }],
    ['PATCH', `/v0.1/servers/${encoded}/status`, { status: 'deleted' }],
    ['DELETE', `/v0.1/servers/${encoded}/versions/1.0.0`, undefined],
  ];

  test.each(writes)('%s %s: administrators only, others change nothing', async (method, path, body) => {
    await publish();
    const before = (await api.call('GET', '/v0.1/servers?include_deleted=true')).body;
    for (const role of ['User', 'Operator', 'Auditor']) {
      expect((await api.call(method, path, { role, body })).status).toBe(403);
    }
    expect((await api.call(method, path, { role: null, body })).status).toBe(401);
    expect((await api.call('GET', '/v0.1/servers?include_deleted=true')).body).toEqual(before);
    api.elapse(1_000);
    expect((await api.call(method, path, { body })).status).toBe(200);
  });

  test.each(writes)("%s %s: not in another tenant's registry", async (method, path, body) => {
    await publish();
    api.elapse(1_000);
    const answer = await api.call(method, path, { body, tenantId: other });
    expect(answer.status).toBe(method === 'POST' ? 200 : 404);
    expect(await list('?include_deleted=true')).toEqual([`${inventory} 1.0.0`]);
    expect(official(await api.call('GET', `/v0.1/servers/${encoded}/versions/1.0.0`))['status']).toBe(
      'active',
    );
  });

  test('reads: every role, its own tenant only', async () => {
    await publish();
    for (const role of ['User', 'Operator', 'Auditor', 'Admin']) {
      expect(ids(await api.call('GET', '/v0.1/servers', { role }))).toHaveLength(1);
    }
    expect(ids(await api.call('GET', '/v0.1/servers', { tenantId: other }))).toEqual([]);
    const path = `/v0.1/servers/${encoded}/versions/latest`;
    expect((await api.call('GET', path, { tenantId: other })).status).toBe(404);
    const refused = await api.call('GET', path, { role: null });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  test('every change is in the audit trail before and after it, with the version it was made to', async () => {
    await publish();
    for (const [method, path, body] of writes) {
      api.elapse(1_000);
      await api.call(method, path, { body });
    }
    const audited = await api.audited();
    const version = `registry/${inventory}/versions/1.0.0`;
    for (const line of [
      `registry.publish registry/${inventory}/versions/2.0.0 succeeded`,
      `registry.edit ${version} succeeded`,
      `registry.status ${version} succeeded`,
      `registry.status registry/${inventory} succeeded`,
      `registry.delete ${version} not_found`,
      `registry.publish ${version} begun`,
    ]) {
      expect(audited).toContain(line);
    }
  });

  test('storage that does not answer is a 503, never "not found"', async () => {
    await publish();
    away = true;
    for (const path of ['/v0.1/servers', `/v0.1/servers/${encoded}/versions/latest`]) {
      expect(await api.call('GET', path)).toMatchObject({ status: 503 });
    }
    expect((await publish({ version: '2.0.0' })).status).toBe(503);
  });
});

describe('pages', () => {
  const cors = {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, OPTIONS',
    'access-control-allow-headers': 'Authorization, Content-Type',
  };
  const origin = 'https://vscode.dev';

  test.each([
    ['/v0.1/servers', 200],
    [`/v0.1/servers/${encoded}/versions/latest`, 200],
    [`/v0.1/servers/${encoded}/versions/9`, 404],
    ['/v0.1/servers?limit=0', 400],
    ['/v0/servers', 200],
  ])('of every origin may read %s (%i), with the headers that GitHub asks for', async (path, status) => {
    await publish();
    for (const headers of [{ origin }, {}]) {
      const answer = await api.call('GET', path, { headers });
      expect(answer.status).toBe(status);
      expect(Object.fromEntries(answer.headers)).toMatchObject(cors);
    }
    const refused = await api.call('GET', path, { role: null, headers: { origin } });
    expect(refused.status).toBe(401);
    expect(Object.fromEntries(refused.headers)).toMatchObject(cors);
  });

  test.each([
    ['/v0.1/servers', { 'access-control-request-method': 'GET' }],
    [`/v0.1/servers/${encoded}/versions/latest`, { 'access-control-request-method': 'GET' }],
    ['/r/secret/v0.1/servers', {}],
    ['/v0.1/servers', {}],
  ])('are told so in a preflight of %s', async (path, headers) => {
    const answer = await api.call('OPTIONS', path, { role: null, headers: { origin, ...headers } });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject(cors);
  });

  test.each(['PUT', 'PATCH', 'DELETE'])('of other origins may not %s', async (method) => {
    const path = `/v0.1/servers/${encoded}/versions/1.0.0`;
    const headers = { origin, 'access-control-request-method': method };
    const preflight = await api.call('OPTIONS', path, { role: null, headers });
    expect(preflight.headers.has('access-control-allow-origin')).toBe(false);
    const body = method === 'DELETE' ? undefined : {};
    expect((await api.call(method, path, { headers: { origin }, body })).status).toBe(403);
  });
});
