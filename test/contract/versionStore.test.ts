import { TableClient } from '@azure/data-tables';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import { type Decision, edit, publish, setStatus } from '../../shared/registry/versions/changes.ts';
import type { PublishedVersion, Versions } from '../../shared/registry/versions/publishedVersion.ts';
import type { VersionFilter, VersionStore } from '../../shared/registry/versions/versionStore.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { publication } from '../support/publications.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  const options = { allowInsecureConnection: true };
  await TableClient.fromConnectionString(azurite.connectionString, 'serverVersions', options).createTable();
});
afterAll(() => azurite.stop());

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const everything: VersionFilter = { latestOnly: false, includeDeleted: true };
let tenants = 0;

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s', (where, open) => {
  let store: VersionStore;
  let tenant: string;
  beforeEach(() => {
    store = azureTableVersionStore(open());
    tenant = `t-${where.replaceAll(' ', '')}-${++tenants}`;
  });

  const add = (more: Readonly<Record<string, unknown>> = {}, seconds = 0, tags: string[] = []) => {
    const made = publication(tenant, more, tags);
    return store.change(tenant, made.server.name, publish(made, at(seconds)));
  };
  const inventory = 'com.example/inventory';
  const ids = (versions: readonly PublishedVersion[]) =>
    versions.map(({ server }) => `${server.name} ${server.version}`);
  const listed = async (filter: Partial<VersionFilter>, limit = 100) =>
    ids((await store.list(tenant, { ...everything, ...filter }, limit)).items);
  /** What is read in every way must agree. */
  const latestOf = async (name: string) => {
    const marked = (await store.versionsOf(tenant, name)).filter(({ isLatest }) => isLatest);
    expect(marked).toHaveLength(1);
    const latest = await store.findLatest(tenant, name);
    expect(latest).toEqual(marked[0]);
    expect(await store.find(tenant, name, latest?.server.version ?? '')).toEqual(latest);
    return latest?.server.version;
  };

  test('a published version comes back as it was, with what the registry says of it', async () => {
    const made = publication(tenant, { 'x-unknown': { kept: ['é', 1] } }, ['finance']);
    await store.change(tenant, inventory, publish(made, at(0)));
    const moment = at(0).toISOString();
    expect(await store.find(tenant, inventory, '1.0.0')).toEqual({
      ...made,
      status: 'active',
      statusChangedAt: moment,
      publishedAt: moment,
      updatedAt: moment,
      isLatest: true,
    });
  });

  test('a version is published once: the second publisher is refused, and nothing changes', async () => {
    await add({ title: 'First' });
    const second = await add({ title: 'Second' }, 5);
    expect(second).toMatchObject({ ok: false, error: { kind: 'already_exists' } });
    expect((await store.find(tenant, inventory, '1.0.0'))?.server['title']).toBe('First');
  });

  test('a call that is repeated because its answer was lost has succeeded', async () => {
    const made = publication(tenant);
    await store.change(tenant, inventory, publish(made, at(0)));
    expect(await store.change(tenant, inventory, publish(made, at(0)))).toMatchObject({ ok: true });
    expect(await store.versionsOf(tenant, inventory)).toHaveLength(1);
  });

  test('more versions than one transaction takes are all published, also where there was none before', async () => {
    const made = Array.from({ length: 250 }, (_, index) => publication(tenant, { version: `1.0.${index}` }));
    const all: Decision = (before) =>
      made.reduce<Result<Versions>>(
        (result, one) => (result.ok ? publish(one, at(0))(result.value) : result),
        succeed(before),
      );
    expect(await store.change(tenant, inventory, all)).toMatchObject({ ok: true });
    expect(await store.versionsOf(tenant, inventory)).toHaveLength(250);
    expect(await latestOf(inventory)).toBe('1.0.249');
  });

  test('of twenty publishers of one version one succeeds and nineteen are refused', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => add()));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(outcomes.filter((outcome) => !outcome.ok && outcome.error.kind === 'already_exists')).toHaveLength(
      19,
    );
    expect(await latestOf(inventory)).toBe('1.0.0');
  });

  test('of versions published at once exactly one is the latest, the highest', async () => {
    const versions = ['1.0.0', '1.10.0', '1.9.0', '1.10.0-rc.1', '0.9.0', 'nightly', '1.2.0', '1.3.0'];
    const outcomes = await Promise.all(versions.map((version) => add({ version })));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(await store.versionsOf(tenant, inventory)).toHaveLength(versions.length);
    expect(await latestOf(inventory)).toBe('1.10.0');
  });

  test('the latest is exact while versions are published and deleted at once', async () => {
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await add({ version });
    const remove = (version: string) =>
      store.change(tenant, inventory, setStatus(version, { status: 'deleted' }, at(9)));
    await Promise.all([
      remove('3.0.0'),
      add({ version: '2.5.0' }),
      remove('2.0.0'),
      add({ version: '2.4.0' }),
    ]);
    expect(await latestOf(inventory)).toBe('2.5.0');
    await Promise.all([remove('2.5.0'), remove('2.4.0'), remove('1.0.0')]);
    expect(await latestOf(inventory)).toBe('3.0.0');
  });

  test('publications of one server have times of their own, even by a clock that is behind', async () => {
    await add({ version: 'b' }, 60);
    await add({ version: 'a' }, 0);
    expect((await store.find(tenant, inventory, 'a'))?.publishedAt).toBe(
      new Date(at(60).getTime() + 1).toISOString(),
    );
    expect(await latestOf(inventory)).toBe('a');
  });

  test('a tenant has its own versions only', async () => {
    await add();
    const other = `${tenant}-other`;
    expect(await store.find(other, inventory, '1.0.0')).toBeUndefined();
    expect(await store.findLatest(other, inventory)).toBeUndefined();
    expect(await store.versionsOf(other, inventory)).toEqual([]);
    expect((await store.list(other, everything, 9)).items).toEqual([]);
    expect(
      await store.change(other, inventory, setStatus('1.0.0', { status: 'deleted' }, at(1))),
    ).toMatchObject({
      error: { kind: 'not_found' },
    });
  });

  test('names that begin alike do not mix', async () => {
    const names = [
      'com.example/a',
      'com.example/a-b',
      'com.example/a.b',
      'com.example/ab',
      'com.example.a/a',
    ];
    for (const name of names) await add({ name });
    for (const name of names) expect(ids(await store.versionsOf(tenant, name))).toEqual([`${name} 1.0.0`]);
  });

  test('versions of any text are kept apart', async () => {
    const versions = [
      '1.0',
      '1_0',
      'a/b',
      'a%2Fb',
      'a=2Fb',
      'ä',
      "it's",
      'x'.repeat(255),
      `${'é'.repeat(254)}1`,
      `${'é'.repeat(254)}2`,
    ];
    for (const version of versions) expect(await add({ version })).toMatchObject({ ok: true });
    for (const version of versions) {
      expect((await store.find(tenant, inventory, version))?.server.version).toBe(version);
    }
    expect(await store.versionsOf(tenant, inventory)).toHaveLength(versions.length);
  });

  test('a list is filtered by latest, version, status, time and words', async () => {
    await add({ name: 'com.example/stock', version: '1.0.0', description: 'What is in STOCK' }, 0);
    await add({ name: 'com.example/stock', version: '2.0.0', description: 'What is left' }, 10);
    await add({ name: 'com.example/pay', version: '1.0.0', description: 'Payments' }, 20);
    await store.change(tenant, 'com.example/pay', setStatus('1.0.0', { status: 'deleted' }, at(30)));
    const [pay, one, two] = ['com.example/pay 1.0.0', 'com.example/stock 1.0.0', 'com.example/stock 2.0.0'];
    expect(await listed({})).toEqual([pay, one, two]);
    expect(await listed({ includeDeleted: false })).toEqual([one, two]);
    expect(await listed({ latestOnly: true })).toEqual([pay, two]);
    expect(await listed({ version: '1.0.0', includeDeleted: false })).toEqual([one]);
    expect(await listed({ updatedSince: at(10) })).toEqual([pay, two]);
    expect(await listed({ search: 'in stock' })).toEqual([one]);
    expect(await listed({ search: 'EXAMPLE/ST' })).toEqual([one, two]);
    expect(await listed({ search: 'nothing' })).toEqual([]);
  });

  test('a list by tags has what bears one of them', async () => {
    await add({ name: 'com.example/a' }, 0, ['red']);
    await add({ name: 'com.example/b' }, 0, ['blue', 'green']);
    await add({ name: 'com.example/c' });
    expect(await listed({ tags: ['red', 'green'] })).toEqual(['com.example/a 1.0.0', 'com.example/b 1.0.0']);
    expect(await listed({ tags: [] })).toEqual([]);
  });

  test('a page names where to go on, and a search does too', async () => {
    for (const name of ['com.example/a', 'com.example/b', 'com.example/c']) await add({ name });
    for (const search of [undefined, 'example']) {
      const first = await store.list(tenant, { ...everything, search }, 2);
      expect(ids(first.items)).toEqual(['com.example/a 1.0.0', 'com.example/b 1.0.0']);
      const second = await store.list(tenant, { ...everything, search }, 2, first.after);
      expect(ids(second.items)).toEqual(['com.example/c 1.0.0']);
      expect(second.after).toBeUndefined();
      expect((await store.list(tenant, { ...everything, search }, 3)).after).toBeUndefined();
    }
  });

  test('every version that is there throughout is on exactly one page, whatever is published between them', async () => {
    const name = fc.stringMatching(/^[a-z]{1,2}\/[a-z._-]{1,2}$/).map((text) => text);
    const version = fc.constantFrom('1.0.0', '1.1.0', '2.0.0-rc.1', 'x');
    const pair = fc.record({ name, version });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(pair, { maxLength: 12, selector: (p) => JSON.stringify(p) }),
        fc.array(pair, { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (first, meanwhile, limit, latestOnly) => {
          tenant = `t-${where.replaceAll(' ', '')}-${++tenants}`;
          for (const more of first) await add(more);
          const throughout = latestOnly
            ? [...new Set(first.map((p) => p.name))]
            : first.map((p) => `${p.name} ${p.version}`);
          const seen: string[] = [];
          const late = [...meanwhile];
          for (let after: string | undefined; ;) {
            const page = await store.list(tenant, { ...everything, latestOnly }, limit, after);
            seen.push(...(latestOnly ? page.items.map(({ server }) => server.name) : ids(page.items)));
            if (page.after === undefined) break;
            after = page.after;
            const more = late.pop();
            if (more) await add(more);
          }
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen).toEqual(expect.arrayContaining(throughout));
        },
      ),
      { numRuns: where === 'Azure Tables' ? 12 : 200 },
    );
  });

  test('the status of 150 versions is set by one call, and the latest stays one', async () => {
    for (let number = 0; number < 150; number++) await add({ version: `1.${number}.0` });
    const deprecate = setStatus(undefined, { status: 'deprecated', statusMessage: 'Use v2' }, at(5));
    const changed = await store.change(tenant, inventory, deprecate);
    expect(changed.ok && changed.value.filter(({ status }) => status === 'deprecated')).toHaveLength(150);
    const stored = await store.versionsOf(tenant, inventory);
    expect(stored.every(({ statusMessage }) => statusMessage === 'Use v2')).toBe(true);
    expect(await latestOf(inventory)).toBe('1.149.0');
  });

  test('pages that are read while others publish show what was there throughout exactly once', async () => {
    const before = Array.from({ length: 12 }, (_, index) => `com.example/n${index}`);
    for (const name of before) await add({ name });
    const publishing = Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        add({ name: `com.example/n${index % 12}x`, version: `1.${index}.0` }),
      ),
    );
    const walk = async () => {
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.list(tenant, everything, 2, after);
        seen.push(...ids(page.items));
        if (page.after === undefined) return seen;
        after = page.after;
      }
    };
    for (const seen of await Promise.all([walk(), walk(), walk(), publishing.then(walk)])) {
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining(before.map((name) => `${name} 1.0.0`)));
    }
  });

  test('an edit corrects the description, and only that', async () => {
    await add({ version: '1.0.0' });
    const server = publication(tenant, { title: 'Stock' }).server;
    await store.change(tenant, inventory, edit('1.0.0', { server: server, tags: [] }, at(7)));
    expect(await store.findLatest(tenant, inventory)).toMatchObject({
      server: { title: 'Stock' },
      publishedAt: at(0).toISOString(),
      updatedAt: at(7).toISOString(),
      isLatest: true,
    });
    const moved = publication(tenant, { remotes: [{ type: 'sse', url: 'https://evil.example/sse' }] }).server;
    expect(
      await store.change(tenant, inventory, edit('1.0.0', { server: moved, tags: [] }, at(8))),
    ).toMatchObject({
      error: { kind: 'invalid', errors: [{ path: 'remotes' }] },
    });
  });
});

test('a change of many versions that is cut off midway leaves one latest version, and is finished by the next call', async () => {
  let commits = 0;
  const tables = memoryTables((operation) => {
    if (operation.startsWith('commit') && ++commits === 152)
      throw new InfrastructureError('tables', 'test', undefined);
  });
  const store = azureTableVersionStore(tables);
  for (let number = 0; number < 150; number++) {
    const made = publication('t', { version: `1.${number}.0` });
    await store.change('t', made.server.name, publish(made, at(0)));
  }
  const name = 'com.example/inventory';
  const remove = (seconds: number) =>
    store.change('t', name, setStatus(undefined, { status: 'deleted' }, at(seconds)));
  await expect(remove(5)).rejects.toThrow(InfrastructureError);
  const half = await store.versionsOf('t', name);
  expect(new Set(half.map(({ status }) => status))).toEqual(new Set(['active', 'deleted']));
  expect(half.filter(({ isLatest }) => isLatest)).toEqual([await store.findLatest('t', name)]);
  expect(await remove(6)).toMatchObject({ ok: true });
  const whole = await store.versionsOf('t', name);
  expect(whole.every(({ status }) => status === 'deleted')).toBe(true);
  expect(whole.filter(({ isLatest }) => isLatest)).toEqual([await store.findLatest('t', name)]);
});
