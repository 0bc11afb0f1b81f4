import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { azureTableConsentStore } from '../../shared/identity/broker/azureTableConsentStore.ts';
import { azureTableGrantStore } from '../../shared/identity/broker/azureTableGrantStore.ts';
import type { Consent } from '../../shared/identity/broker/consent.ts';
import type { Grant } from '../../shared/identity/broker/grant.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
});
afterAll(() => azurite.stop());

const at = '2026-01-01T00:00:00.000Z';
const grant = (more: Partial<Grant> = {}): Grant => ({
  id: randomId(),
  tenantId: 'contoso',
  userId: 'alice',
  roles: ['User'],
  clientId: 'https://client.example/client.json',
  resource: 'https://mcp.contoso.com/mcp',
  scopes: ['mcp.access'],
  createdAt: at,
  expiresAt: at,
  generation: 0,
  rotatedAt: at,
  entraToken: 'sealed',
  ...more,
});

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s, the grants', (where, open) => {
  test('are found by their whole name, replaced as they were read, and removed in any state', async () => {
    const store = azureTableGrantStore(open());
    const own = grant({ tenantId: where });
    expect(await store.add(own)).toBe('inserted');
    expect(await store.add(own)).toBe('exists');
    const found = await store.find(own);
    expect(found?.value).toEqual(own);
    for (const other of [{ userId: 'bob' }, { tenantId: 'fabrikam' }, { id: randomId() }])
      expect(await store.find({ ...own, ...other })).toBeUndefined();
    const etag = found?.etag ?? '';
    expect(await store.replace({ ...own, generation: 1 }, etag)).toMatchObject({ status: 'replaced' });
    expect(await store.replace({ ...own, generation: 2 }, etag)).toEqual({ status: 'conflict' });
    expect(await store.remove(own)).toBe('removed');
    expect(await store.remove(own)).toBe('missing');
    expect(await store.replace(own, etag)).toEqual({ status: 'missing' });
  });

  test('of a person are all found, also over several pages, and none of another person', async () => {
    const store = azureTableGrantStore(open());
    const own = Array.from({ length: 130 }, () => grant({ tenantId: where, userId: 'carol' }));
    await Promise.all([...own, grant({ tenantId: where, userId: 'carola' })].map((each) => store.add(each)));
    const found: string[] = [];
    for await (const { id } of store.ofUser(where, 'carol')) found.push(id);
    expect(found.toSorted()).toEqual(own.map(({ id }) => id).toSorted());
  });

  test('that have expired are purged, and no others', async () => {
    const store = azureTableGrantStore(open());
    const [old, current] = [
      grant({ tenantId: where }),
      grant({ tenantId: where, expiresAt: '2026-01-03T00:00:00.000Z' }),
    ];
    await Promise.all([store.add(old), store.add(current)]);
    await store.purge(new Date('2026-01-02T00:00:00.000Z'));
    expect(await store.find(old)).toBeUndefined();
    expect(await store.find(current)).toBeDefined();
  });
});

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s, the consents', (where, open) => {
  test('of a person are listed, keep their first time, and are withdrawn', async () => {
    const store = azureTableConsentStore(open());
    const consent: Consent = {
      id: randomId(),
      tenantId: where,
      userId: 'alice',
      clientId: 'an-app',
      clientName: 'An app',
      redirectUri: 'http://127.0.0.1/callback',
      resource: 'https://mcp.contoso.com/mcp',
      scopes: ['mcp.access'],
      givenAt: at,
    };
    await store.add(consent);
    await store.add({ ...consent, givenAt: '2026-02-01T00:00:00.000Z' });
    await store.add({ ...consent, userId: 'bob' });
    expect((await store.list(where, 'alice', 10)).items).toEqual([consent]);
    expect(await store.find(consent)).toEqual(consent);
    expect(await store.remove(consent)).toBe('removed');
    expect(await store.remove(consent)).toBe('missing');
    expect(await store.find({ ...consent, userId: 'bob' })).toBeDefined();
  });
});
