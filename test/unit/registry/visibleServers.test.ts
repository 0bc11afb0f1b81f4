import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../../shared/registry/records/registryVersion.ts';
import type { ServerRecord } from '../../../shared/registry/records/server.ts';
import { createVisibleServers } from '../../../shared/registry/records/visibleServers.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { serverRecord } from '../../support/serverRecord.ts';

async function registry(records: readonly Partial<ServerRecord>[]) {
  const state = memoryState();
  const servers = versionedStore(azureTableServerStore(memoryTables()), state, randomId);
  for (const record of records) await servers.add(serverRecord(record));
  const visible = createVisibleServers({ servers, state, newId: randomId, operatorTenant: 'sharer' });
  return { servers, visible };
}
const shared = { tenantId: 'sharer', visibility: 'shared' } as const;

describe('a tenant', () => {
  test('finds what is shared with it, and nothing else of another tenant', async () => {
    const { visible } = await registry([
      { ...shared, slug: 'wide' },
      { ...shared, slug: 'unready', status: 'pending' },
      { tenantId: 'sharer', slug: 'private' },
      { tenantId: 'other', slug: 'elsewhere', visibility: 'shared' },
    ]);
    const found = async (slug: string) => (await visible.find('t1', slug))?.value.tenantId;
    expect(await found('wide')).toBe('sharer');
    for (const slug of ['unready', 'private', 'elsewhere', 'absent'])
      expect(await found(slug)).toBeUndefined();
    expect((await visible.find('sharer', 'private'))?.value.slug).toBe('private');
    expect((await visible.list('t1', { status: 'pending' }, 10)).items).toEqual([]);
  });

  test('has its own server where one that is shared has the same slug', async () => {
    const { visible } = await registry([{ ...shared, slug: 'stock' }, { slug: 'stock' }]);
    expect((await visible.find('t1', 'stock'))?.value.tenantId).toBe('t1');
    expect((await visible.list('t1', {}, 10)).items.map(({ tenantId }) => tenantId)).toEqual(['t1']);
  });

  test('sees another state of the registry when something is shared with it, or is no longer', async () => {
    const { servers, visible } = await registry([{ slug: 'own' }]);
    const before = await visible.version('t1');
    expect(before).toBeDefined();
    expect(await visible.version('t1')).toBe(before);
    await servers.add(serverRecord({ ...shared, slug: 'wide' }));
    const after = await visible.version('t1');
    expect(after).not.toBe(before);
    const stored = await servers.find('sharer', 'wide');
    if (stored) await servers.replace({ ...stored.value, visibility: 'tenant' }, stored.etag);
    expect(await visible.version('t1')).not.toBe(after);
  });
});

test('pages of any size show each server that is seen once, in the order of the slugs', async () => {
  const slugs = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,3}$/), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      slugs,
      slugs,
      slugs,
      fc.integer({ min: 1, max: 7 }),
      async (own, theirs, hidden, limit) => {
        const { visible } = await registry([
          ...own.map((slug) => ({ slug })),
          ...theirs.map((slug) => ({ ...shared, slug })),
          ...hidden.filter((slug) => !theirs.includes(slug)).map((slug) => ({ tenantId: 'sharer', slug })),
        ]);
        const seen: string[] = [];
        for (let after: string | undefined; ;) {
          const page = await visible.list('t1', {}, limit, after);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items.map(({ slug }) => slug));
          if (page.after === undefined) break;
          after = page.after;
        }
        expect(seen).toEqual([...new Set([...own, ...theirs])].sort());
      },
    ),
    { numRuns: 100 },
  );
});
