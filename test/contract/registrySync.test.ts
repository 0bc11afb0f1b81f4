import { TableClient } from '@azure/data-tables';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { azureTableStateStore } from '../../shared/platform/state/azureTableStateStore.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { azureTableRegistrySyncStore } from '../../shared/registry/sync/azureTableRegistrySyncStore.ts';
import { type SyncDeps, syncRegistry } from '../../shared/registry/sync/syncRegistry.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import { publish, setStatus } from '../../shared/registry/versions/changes.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { type FakeRegistry, startFakeRegistry, upstreamEntry } from '../support/fakeRegistry.ts';
import { type RecordingLog, recordingLog } from '../support/gateway.ts';
import { publication } from '../support/publications.ts';

let azurite: Azurite;
const outbound = openOutboundClient('private_allowed');
beforeAll(async () => {
  azurite = await startAzurite();
  const options = { allowInsecureConnection: true };
  for (const table of ['serverVersions', 'registrySync', 'state']) {
    await TableClient.fromConnectionString(azurite.connectionString, table, options).createTable();
  }
});
afterAll(async () => {
  await outbound.close();
  await azurite.stop();
});

let registry: FakeRegistry;
let tenantId: string;
let log: RecordingLog;
let deps: SyncDeps;
let tenants = 0;
beforeEach(async () => {
  registry = await startFakeRegistry('/r/secret-1234');
  tenantId = `t-${++tenants}`;
  log = recordingLog();
  deps = instance();
});
afterEach(() => registry.close());

/** As one instance of the app has it: nothing is shared with another but the tables. */
function instance(): SyncDeps {
  const open = openTables(azurite.connectionString);
  return {
    versions: azureTableVersionStore(open),
    syncs: azureTableRegistrySyncStore(open),
    shortLived: azureTableStateStore(open, systemClock).state,
    clock: systemClock,
    outbound,
    log,
  };
}

const budget = { runMs: 60_000, pageMs: 10_000 };
const sync = async (more = budget, own = deps) => {
  const result = await syncRegistry({ tenantId, baseUrl: registry.url }, more, own);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};
const kept = async () => (await deps.syncs.find(tenantId))?.value;
const versionsOf = async (name: string) =>
  (await deps.versions.versionsOf(tenantId, name))
    .map(({ server: { version }, status, isLatest }) => `${version} ${status}${isLatest ? ' latest' : ''}`)
    .sort();
const inventory = 'com.example/inventory';
const named = (name: string) => upstreamEntry({ name: `com.example/${name}` });
const names = async () => {
  const filter = { latestOnly: true, includeDeleted: true };
  const { items } = await deps.versions.list(tenantId, filter, 100);
  return items.map(({ server }) => server.name.replace('com.example/', ''));
};

test('all pages are taken over, and the next run asks for what changed since, deletions included', async () => {
  registry.pages = [
    [upstreamEntry(), upstreamEntry({ version: '2.0.0' })],
    [upstreamEntry({ version: '1.5.0' }, { status: 'deprecated', statusMessage: 'Use 2' }), named('b')],
  ];
  const first = await sync();
  expect(first.run).toMatchObject({ state: 'succeeded', pages: 2, published: 4, updated: 0, skipped: 0 });
  expect(await versionsOf(inventory)).toEqual(['1.0.0 active', '1.5.0 deprecated', '2.0.0 active latest']);

  registry.pages = [
    [upstreamEntry({ version: '2.0.0' }, { status: 'deleted' }), upstreamEntry({ version: '1.0.0' })],
  ];
  expect((await sync()).run).toMatchObject({ state: 'succeeded', published: 0, updated: 1, unchanged: 1 });
  expect(await versionsOf(inventory)).toEqual(['1.0.0 active', '1.5.0 deprecated latest', '2.0.0 deleted']);
  expect(registry.asked.map((query) => Object.fromEntries(query))).toEqual([
    { limit: '100', include_deleted: 'true' },
    { limit: '100', include_deleted: 'true', cursor: 'page-1' },
    { limit: '100', include_deleted: 'true', updated_since: first.since },
  ]);
});

test('whoever follows this registry learns of what was taken over, though it changed elsewhere long before', async () => {
  const before = new Date();
  registry.pages = [[upstreamEntry()]];
  await sync();
  const filter = { latestOnly: false, includeDeleted: true, updatedSince: before };
  const { items } = await deps.versions.list(tenantId, filter, 10);
  expect(items.map(({ updatedAt }) => updatedAt)).toEqual(['2025-11-01T10:00:00.123Z']);
});

test('an entry with a literal secret is passed over, and its deletion is followed', async () => {
  const headers = [{ name: 'Authorization', value: 'Bearer canary' }];
  const remotes = [{ type: 'streamable-http', url: 'https://x.example/mcp', headers }];
  registry.pages = [[upstreamEntry({ name: 'com.example/secret', remotes }), named('b')]];
  expect((await sync()).run).toMatchObject({ published: 1, skipped: 1 });
  expect(await names()).toEqual(['b']);
  registry.pages = [[upstreamEntry({ name: 'com.example/b', remotes }, { status: 'deleted' })]];
  await sync();
  expect(await versionsOf('com.example/b')).toEqual(['1.0.0 deleted latest']);
});

test('what is published or decided here stays', async () => {
  const ours = publication(tenantId, { name: 'com.example/ours', title: 'Ours' });
  await deps.versions.change(tenantId, ours.server.name, publish(ours, new Date()));
  registry.pages = [[upstreamEntry(), upstreamEntry({ name: 'com.example/ours', version: '9.0.0' })]];
  expect((await sync()).run).toMatchObject({ published: 1, skipped: 1 });
  await deps.versions.change(tenantId, inventory, setStatus('1.0.0', { status: 'deleted' }, new Date()));

  registry.pages = [[upstreamEntry({}, { updatedAt: new Date().toISOString() })]];
  expect((await sync()).run).toMatchObject({ updated: 0, unchanged: 1 });
  expect(await versionsOf(inventory)).toEqual(['1.0.0 deleted latest']);
  expect(await versionsOf('com.example/ours')).toEqual(['1.0.0 active latest']);
});

test('a page with one entry twice takes the later one, and more versions than one transaction are counted once', async () => {
  const many = Array.from({ length: 150 }, (_, index) => upstreamEntry({ version: `1.0.${index}` }));
  const newer = upstreamEntry(
    { name: 'com.example/twice', title: 'New' },
    { updatedAt: '2025-12-01T00:00:00Z' },
  );
  registry.pages = [[newer, named('twice'), ...many]];
  expect((await sync()).run).toMatchObject({ published: 151, unchanged: 0, updated: 1 });
  expect(await deps.versions.versionsOf(tenantId, inventory)).toHaveLength(150);
  expect((await deps.versions.findLatest(tenantId, 'com.example/twice'))?.server['title']).toBe('New');
});

test('an entry in bad order is passed over and logged by its place, and the others come', async () => {
  registry.pages = [
    [upstreamEntry({ version: 'latest' }), null, 7, named('good'), upstreamEntry({ remotes: 'canary-55' })],
  ];
  expect((await sync()).run).toMatchObject({ state: 'succeeded', published: 1, skipped: 4 });
  const skipped = log.lines.filter(({ event }) => event === 'registry_entry_skipped');
  expect(skipped.map(({ fields }) => fields['position'])).toEqual([0, 1, 2, 4]);
  expect(skipped[0]?.fields['reason']).toBe(
    'server.version must be a specific version: "latest" is reserved',
  );
  expect(JSON.stringify(log.lines)).not.toContain('canary-55');
});

test('a registry that fails midway is gone on with where it failed', async () => {
  registry.pages = [[named('a')], [named('b')], [named('c')]];
  registry.instead = (query, response) => {
    if (query.get('cursor') !== 'page-1') return false;
    response.writeHead(500).end('canary-66');
    return true;
  };
  const failed = await sync();
  expect(failed.run).toMatchObject({
    state: 'failed',
    pages: 1,
    error: { kind: 'unavailable', message: 'it answered HTTP 500' },
  });
  expect(await kept()).toEqual(failed);
  registry.instead = () => false;
  expect((await sync(budget, instance())).run).toMatchObject({ state: 'succeeded', pages: 2, published: 2 });
  expect(registry.asked.map((query) => query.get('cursor'))).toEqual([null, 'page-1', 'page-1', 'page-2']);
  expect(await names()).toEqual(['a', 'b', 'c']);
});

test('a run that dies while it stores a page is gone on with at that page', async () => {
  registry.pages = [[named('a')], [named('b'), named('c')]];
  const dying: SyncDeps = {
    ...deps,
    versions: {
      ...deps.versions,
      change: (tenant, name, decide) => {
        if (name === 'com.example/c') throw new InfrastructureError('tables', 'test', undefined);
        return deps.versions.change(tenant, name, decide);
      },
    },
  };
  await expect(sync(budget, dying)).rejects.toThrow(InfrastructureError);
  expect(await kept()).toMatchObject({ pass: { cursor: 'page-1' }, run: { state: 'unfinished', pages: 1 } });
  expect((await sync()).run).toMatchObject({ state: 'succeeded', pages: 1, published: 1, unchanged: 1 });
  expect(await names()).toEqual(['a', 'b', 'c']);
});

test('a run whose time is up ends after its page, and the next one goes on', async () => {
  registry.pages = [[named('a')], [named('b')], [named('c')]];
  const short = { ...budget, runMs: 0 };
  expect((await sync(short)).run).toMatchObject({ state: 'unfinished', pages: 1 });
  expect((await sync(short)).run).toMatchObject({ state: 'unfinished', pages: 1 });
  expect(await sync(short)).toMatchObject({ run: { state: 'succeeded', pages: 1 } });
  expect(await names()).toEqual(['a', 'b', 'c']);
});

test('a cursor that the registry no longer takes begins the pass anew', async () => {
  registry.pages = [[named('a')], [named('b')]];
  await sync({ ...budget, runMs: 0 });
  registry.instead = (query, response) => {
    if (!query.has('cursor')) return false;
    response.writeHead(400).end();
    return true;
  };
  expect((await sync()).run).toMatchObject({ state: 'failed', error: { message: 'it answered HTTP 400' } });
  registry.instead = () => false;
  expect((await sync()).run).toMatchObject({ state: 'succeeded', pages: 2 });
});

test('pages that lead in a circle end the run and do not count as all there is', async () => {
  registry.instead = (query, response) => {
    const nextCursor = query.get('cursor') === 'x' ? 'y' : 'x';
    response.end(JSON.stringify({ servers: [named(nextCursor)], metadata: { nextCursor } }));
    return true;
  };
  const failed = await sync();
  expect(failed.run).toMatchObject({ state: 'failed', error: { message: 'it gives pages without end' } });
  expect(failed).not.toHaveProperty('since');
  expect(failed).not.toHaveProperty('pass');
  expect(registry.asked.length).toBeLessThan(5);
});

describe('a registry that answers with', () => {
  test.each<[string, string | Buffer, number, object]>([
    ['no JSON', '<html>canary-77', 200, { kind: 'unavailable', message: /not JSON/ }],
    ['half of it', '{"servers":[', 200, { kind: 'unavailable', message: /not JSON/ }],
    ['letters that are none', Buffer.from([0x22, 0xff, 0x22]), 200, { kind: 'unavailable' }],
    [
      'another document',
      '{"servers":{"a":1}}',
      200,
      { kind: 'unavailable', message: /not a list of servers/ },
    ],
    ['a flood of entries', `{"servers":[${'1,'.repeat(1000)}1]}`, 200, { message: /not a list of servers/ }],
    ['a redirect', '', 302, { kind: 'unavailable', message: /redirect/ }],
    ['a wish for credentials', '', 401, { kind: 'unavailable', message: 'it answered HTTP 401' }],
    ['too much at once', Buffer.alloc(17 * 1024 * 1024, ' '), 200, { kind: 'too_large' }],
  ])('%s fails the run and nothing else', async (_, body, status, error) => {
    registry.instead = (__, response) => {
      response.writeHead(status, status === 302 ? { location: `${registry.url}/elsewhere` } : {});
      response.end(body);
      return true;
    };
    const failed = await sync();
    const { message, ...rest } = error as { message?: string | RegExp };
    expect(failed.run).toMatchObject({ state: 'failed', pages: 0, error: rest });
    if (message !== undefined) expect(failed.run.error?.message).toMatch(message);
    expect(registry.asked).toHaveLength(1);
    expect(JSON.stringify([failed, log.lines])).not.toMatch(/canary|secret/);
  });

  test('an empty list written as null has nothing', async () => {
    registry.instead = (_, response) => {
      response.end('{"servers":null,"metadata":{"count":0,"nextCursor":null}}');
      return true;
    };
    expect((await sync()).run).toMatchObject({ state: 'succeeded', pages: 1 });
  });

  test.each([
    ['before it answers', ''],
    ['within its answer', '{"servers":['],
  ])('silence %s fails the run in time', async (_, begin) => {
    registry.instead = (__, response) => {
      if (begin !== '') response.write(begin);
      return true;
    };
    const failed = await sync({ ...budget, pageMs: 200 });
    expect(failed.run).toMatchObject({ state: 'failed', error: { kind: 'timeout' } });
  });

  test('a connection that breaks off fails the run', async () => {
    registry.instead = (_, response) => {
      response.write('{"servers":[', () => response.socket?.destroy());
      return true;
    };
    expect((await sync()).run).toMatchObject({ state: 'failed', error: { kind: 'unavailable' } });
  });
});

test('one instance syncs at a time, and the next may at once when it has ended', async () => {
  registry.pages = [[named('a')]];
  let arrived: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (arrived = resolve));
  let letGo: () => void = () => undefined;
  registry.instead = (_, response) => {
    letGo = () => response.end('{"servers":[]}');
    arrived();
    return true;
  };
  const first = sync();
  await asked;
  const second = await syncRegistry({ tenantId, baseUrl: registry.url }, budget, instance());
  expect(second).toMatchObject({ ok: false, error: { kind: 'already_exists' } });
  letGo();
  await first;
  registry.instead = () => false;
  expect((await sync(budget, instance())).run).toMatchObject({ state: 'succeeded', published: 1 });
});

test('another registry in the settings is taken over from its beginning', async () => {
  registry.pages = [[named('a')]];
  await sync();
  const other = await startFakeRegistry();
  other.pages = [[named('b')]];
  await syncRegistry({ tenantId, baseUrl: other.url }, budget, deps);
  await other.close();
  expect(other.asked.map((query) => query.has('updated_since'))).toEqual([false]);
  expect(await names()).toEqual(['a', 'b']);
});

test('an address that may not be called is not called', async () => {
  const guarded = { ...deps, outbound: openOutboundClient('public') };
  expect((await sync(budget, guarded)).run).toMatchObject({ state: 'failed', error: { kind: 'invalid' } });
  expect(registry.asked).toEqual([]);
});
