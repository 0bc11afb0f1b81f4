import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { succeed } from '../../../shared/platform/base/result.ts';
import { type ServerRecord, serverRecordSchema } from '../../../shared/registry/records/server.ts';
import { serverJsonSchema } from '../../../shared/registry/serverJson/serverJson.ts';
import { follow } from '../../../shared/registry/sync/follow.ts';
import { azureTableVersionStore } from '../../../shared/registry/versions/azureTableVersionStore.ts';
import {
  checkPublishable,
  entryOf,
  type PublishingDeps,
  publishRecord,
  withdrawRecord,
} from '../../../shared/registry/versions/publishRecord.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { serverJson } from '../../support/serverJson.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const at = '2026-01-01T00:00:00.000Z';
const record = (more: Partial<ServerRecord> = {}): ServerRecord =>
  serverRecord({
    tenantId: 't',
    slug: 'stock',
    url: 'https://stock.example.com/mcp',
    title: 'Stock',
    description: 'What is in stock',
    planId: 'plan-1',
    discovery: {
      era: 'modern',
      protocolVersion: '2026-07-28',
      serverInfo: { name: 'stock', version: '3.1.0' },
      capabilities: {},
      tools: [],
      discoveredAt: at,
    },
    ...more,
  });
const origin = 'https://mcp.contoso.com';

describe('the entry of a server that was registered by its URL', () => {
  test('sends clients to the gateway, under a name of the gateway’s host', () => {
    expect(entryOf(record(), origin)).toEqual({
      $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
      name: 'com.contoso.mcp/stock',
      title: 'Stock',
      description: 'What is in stock',
      version: '3.1.0',
      remotes: [{ type: 'streamable-http', url: 'https://mcp.contoso.com/servers/stock/mcp' }],
    });
  });

  test.each([
    ['https://mcp.contoso.com', 'com.contoso.mcp'],
    ['http://127.0.0.1:8001', 'local.gateway'],
    ['http://[::1]:8001', 'local.gateway'],
    ['https://gateway', 'local.gateway'],
    ['https://xn--mnchen-3ya.de', 'de.xn--mnchen-3ya'],
  ])('of a gateway at %s is in %s', (publicOrigin, namespace) => {
    expect(entryOf(record(), publicOrigin).name).toBe(`${namespace}/stock`);
  });

  test.each(['^1.0.0', 'latest', '', ' 1', 'x'.repeat(256)])(
    'has the version 1.0.0 where the server says %j',
    (version) => {
      const discovery = record().discovery;
      const described = record({
        ...(discovery && { discovery: { ...discovery, serverInfo: { name: 's', version } } }),
      });
      expect(entryOf(described, origin).version).toBe('1.0.0');
      expect(entryOf(record({ discovery: undefined }), origin).version).toBe('1.0.0');
    },
  );

  test('is in order whatever the record says', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
      .filter((title) => title.trim() !== '' && title.length <= 100);
    fc.assert(
      fc.property(
        text,
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.string(),
        (title, description, version) => {
          const discovery = record().discovery;
          const described = record({
            title,
            description,
            ...(discovery && { discovery: { ...discovery, serverInfo: { name: 's', version } } }),
          });
          expect(serverJsonSchema.safeParse(entryOf(described, origin)).error).toBeUndefined();
          expect(entryOf(described, origin).description.isWellFormed()).toBe(true);
        },
      ),
    );
  });
});

test('an entry leads to the gateway unless its record says direct', () => {
  const server = serverJson({ 'x-own': [1] });
  const remotes = [{ type: 'streamable-http', url: `${origin}/servers/stock/mcp` }];
  expect(entryOf(record(), origin).remotes).toEqual(remotes);
  expect(entryOf(record({ server }), origin)).toEqual({ ...server, remotes });
  expect(entryOf(record({ server, advertise: 'gateway' }), origin)).toEqual({ ...server, remotes });
  expect(entryOf(record({ server, advertise: 'direct' }), origin)).toEqual(server);
});

test('a record of an earlier version that says server is direct', () => {
  const stored = { ...record({ server: serverJson() }), advertise: 'server' };
  expect(serverRecordSchema.parse(stored).advertise).toBe('direct');
});

describe('a shared server', () => {
  const shared = (more: Partial<ServerRecord> = {}) => record({ visibility: 'shared', ...more });
  const publishing = (): PublishingDeps & { names(tenantId: string): Promise<string[]> } => {
    let now = Date.UTC(2026, 0, 1);
    const versions = azureTableVersionStore(memoryTables());
    return {
      versions,
      clock: { now: () => new Date((now += 1_000)) },
      publicOrigin: origin,
      tenants: new Set(['t', 'other']),
      async names(tenantId) {
        const filter = { latestOnly: false, includeDeleted: false };
        return (await versions.list(tenantId, filter, 9)).items.map(({ server }) => String(server['title']));
      },
    };
  };

  test('is published for every tenant, and for its own alone once it is shared no more', async () => {
    const deps = publishing();
    await publishRecord(shared(), deps);
    await publishRecord(shared(), deps);
    expect([await deps.names('t'), await deps.names('other')]).toEqual([['Stock'], ['Stock']]);
    await publishRecord(record({ planId: 'plan-2' }), deps);
    expect([await deps.names('t'), await deps.names('other')]).toEqual([['Stock'], []]);
    await publishRecord(shared({ planId: 'plan-3' }), deps);
    expect(await deps.names('other')).toEqual(['Stock']);
    await withdrawRecord(shared({ planId: 'plan-3' }), deps);
    expect([await deps.names('t'), await deps.names('other')]).toEqual([[], []]);
  });

  test('does not change what another tenant has published itself, whoever was first', async () => {
    const deps = publishing();
    const own = record({ tenantId: 'other', title: 'Ours', planId: 'plan-o' });
    await publishRecord(shared(), deps);
    await publishRecord(own, deps);
    await publishRecord(shared({ planId: 'plan-2' }), deps);
    expect(await deps.names('other')).toEqual(['Ours']);
    await withdrawRecord(shared({ planId: 'plan-2' }), deps);
    expect(await deps.names('other')).toEqual(['Ours']);
  });
});

describe('a registered server', () => {
  let deps: PublishingDeps;
  beforeEach(() => {
    let now = Date.UTC(2026, 0, 1);
    deps = {
      versions: azureTableVersionStore(memoryTables()),
      clock: { now: () => new Date((now += 1_000)) },
      publicOrigin: origin,
      tenants: new Set(['t1', 't2']),
    };
  });
  const listed = async () => {
    const filter = { latestOnly: false, includeDeleted: false };
    return (await deps.versions.list('t', filter, 9)).items.map(({ server }) => server.name);
  };

  test('is published with its slug, and published anew without a change', async () => {
    const once = await publishRecord(record(), deps);
    expect(once).toMatchObject({ ok: true, value: { slug: 'stock', isLatest: true, status: 'active' } });
    expect(await publishRecord(record(), deps)).toEqual(once);
    expect(await listed()).toEqual(['com.contoso.mcp/stock']);
  });

  test('is withdrawn, and comes back when it is registered anew', async () => {
    await publishRecord(record(), deps);
    await withdrawRecord(record(), deps);
    await withdrawRecord(record(), deps);
    expect(await listed()).toEqual([]);
    const again = await publishRecord(record({ planId: 'plan-2', title: 'Warehouse' }), deps);
    expect(again).toMatchObject({ value: { status: 'active', server: { title: 'Warehouse' } } });
    expect(await listed()).toEqual(['com.contoso.mcp/stock']);
  });

  test('does not take the version of another', async () => {
    await publishRecord(record({ server: serverJson() }), deps);
    const thief = await publishRecord(
      record({ slug: 'thief', planId: 'plan-2', server: serverJson() }),
      deps,
    );
    expect(thief).toMatchObject({ ok: false, error: { kind: 'already_exists' } });
    await withdrawRecord(record({ slug: 'thief', server: serverJson() }), deps);
    expect(await listed()).toEqual(['com.example/inventory']);
  });

  test('makes a version that was taken over from another registry its own, which that one no longer decides', async () => {
    const entry = { server: serverJsonSchema.parse(serverJson()), status: 'deprecated' as const };
    const follower = { tenantId: 't', source: 'registry.example.com', now: deps.clock.now() };
    await deps.versions.change('t', entry.server.name, (before) =>
      succeed(follow(entry, before, follower).versions),
    );
    const published = await publishRecord(record({ server: serverJson() }), deps);
    expect(published).toMatchObject({ ok: true, value: { slug: 'stock', publicationId: 'plan-1' } });
    expect(await publishRecord(record({ server: serverJson() }), deps)).toEqual(published);
    const versions = await deps.versions.versionsOf('t', entry.server.name);
    expect(versions).toHaveLength(1);
    expect(versions[0]).not.toHaveProperty('upstream');
    expect(follow({ ...entry, status: 'deleted' }, versions, follower)).toEqual({
      versions,
      outcome: 'ours',
    });
  });

  test('does not change what clients run of a version that was taken over', async () => {
    const remotes = [{ type: 'streamable-http' as const, url: 'https://theirs.example.com/mcp' }];
    const entry = { server: serverJsonSchema.parse(serverJson({ remotes })), status: 'active' as const };
    const follower = { tenantId: 't', source: 'registry.example.com', now: deps.clock.now() };
    await deps.versions.change('t', entry.server.name, (before) =>
      succeed(follow(entry, before, follower).versions),
    );
    const refused = await publishRecord(record({ server: serverJson() }), deps);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid', errors: [{ path: 'remotes' }] } });
  });

  test('is published with the tags of its record', async () => {
    expect(await publishRecord(record({ tags: ['finance'] }), deps)).toMatchObject({
      value: { tags: ['finance'] },
    });
    const described = record({ slug: 'b', planId: 'plan-b', tags: ['hr'], server: serverJson() });
    expect(await publishRecord(described, deps)).toMatchObject({ value: { tags: ['hr'] } });
    const tagged = { latestOnly: true, includeDeleted: false, tags: ['finance'] };
    const found = await deps.versions.list('t', tagged, 9);
    expect(found.items.map(({ slug }) => slug)).toEqual(['stock']);
  });

  test.each(['direct', 'gateway'] as const)(
    'that led clients %s leads them elsewhere in the same version, since they run the same',
    async (advertise) => {
      const server = serverJson();
      const other = advertise === 'direct' ? 'gateway' : 'direct';
      await publishRecord(record({ server, advertise }), deps);
      const turned = record({ server, advertise: other, planId: 'plan-2' });
      expect(await checkPublishable(turned, deps)).toMatchObject({ ok: true });
      const published = await publishRecord(turned, deps);
      expect(published).toMatchObject({ value: { server: { remotes: entryOf(turned, origin).remotes } } });
    },
  );

  test('leads clients to the new origin of a gateway that has moved, in the same version', async () => {
    await publishRecord(record({ server: serverJson() }), deps);
    deps = { ...deps, publicOrigin: 'https://new.contoso.com' };
    const anew = record({ server: serverJson(), planId: 'plan-2' });
    expect(await checkPublishable(anew, deps)).toMatchObject({ ok: true });
    const remotes = [{ type: 'streamable-http', url: 'https://new.contoso.com/servers/stock/mcp' }];
    expect(await publishRecord(anew, deps)).toMatchObject({ ok: true, value: { server: { remotes } } });
  });

  test.each([
    ['at the place of another server', [{ type: 'streamable-http', url: `${origin}/servers/other/mcp` }]],
    ['of another transport', [{ type: 'sse', url: `${origin}/servers/stock/mcp` }]],
    [
      'beside another one',
      [
        { type: 'streamable-http', url: `${origin}/servers/stock/mcp` },
        { type: 'streamable-http', url: 'https://theirs.example.com/mcp' },
      ],
    ],
  ])('does not take a remote %s for its own at the gateway', async (_, remotes) => {
    await publishRecord(record({ server: serverJson({ remotes }), advertise: 'direct' }), deps);
    const change = record({ server: serverJson(), planId: 'plan-2' });
    expect(await checkPublishable(change, deps)).toMatchObject({
      ok: false,
      error: { errors: [{ path: 'remotes' }] },
    });
  });

  test('comes back by the same plan, since another call may have withdrawn it late', async () => {
    await publishRecord(record(), deps);
    await withdrawRecord(record(), deps);
    expect(await publishRecord(record(), deps)).toMatchObject({ value: { status: 'active' } });
    expect(await listed()).toEqual(['com.contoso.mcp/stock']);
  });

  test('does not change what clients run of a version', async () => {
    await publishRecord(record({ server: serverJson(), advertise: 'direct' }), deps);
    const moved = serverJson({ remotes: [{ type: 'streamable-http', url: 'https://new.example.com/mcp' }] });
    const change = record({ planId: 'plan-2', server: moved, advertise: 'direct' });
    const refusal = { ok: false, error: { kind: 'invalid', errors: [{ path: 'remotes' }] } };
    expect(await checkPublishable(change, deps)).toMatchObject(refusal);
    expect(await publishRecord(change, deps)).toMatchObject(refusal);
    expect(await checkPublishable(record({ server: serverJson() }), deps)).toMatchObject({ ok: true });
  });
});
