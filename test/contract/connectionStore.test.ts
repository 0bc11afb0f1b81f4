import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { azureTableConnectionStore } from '../../shared/identity/connections/azureTableConnectionStore.ts';
import type { Connection } from '../../shared/identity/connections/connection.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
});
afterAll(() => azurite.stop());

const connection = (userId: string, slug: string, sealed?: string): Connection => ({
  tenantId: 't1',
  userId,
  slug,
  issuer: 'https://login.contoso.com',
  origin: 'https://crm.contoso.com',
  scopes: ['tools'],
  connectedAt: new Date(0).toISOString(),
  ...(sealed !== undefined && { sealed }),
});
const key = { tenantId: 't1', userId: 'anna', slug: 'crm' };

describe.each([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('the connections on %s', (_, open) => {
  test('are one for a user and a server, and change only if nobody changed them meanwhile', async () => {
    const store = azureTableConnectionStore(open());
    expect(await store.find(key)).toBeUndefined();
    await Promise.all([store.put(connection('anna', 'crm', 'a')), store.put(connection('anna', 'crm', 'b'))]);
    await store.put(connection('anna', 'crm', 'c'));
    const found = await store.find(key);
    expect(found?.value.sealed).toBe('c');
    const etag = found?.etag ?? '';
    expect(await store.replace(connection('anna', 'crm', 'd'), etag)).toBe('replaced');
    expect(await store.replace(connection('anna', 'crm', 'e'), etag)).toBe('conflict');
    expect(await store.remove(key)).toBe('removed');
    expect(await store.remove(key)).toBe('missing');
    expect(await store.replace(connection('anna', 'crm', 'f'), etag)).toBe('conflict');
  });

  test('that have not ended are found for a server, and for no other server', async () => {
    const store = azureTableConnectionStore(open());
    await store.put(connection('anna', 'shop'));
    await store.put(connection('bob', 'shop-2', 'a'));
    const usersOf = async (tenantId: string) => {
      const users: string[] = [];
      for await (const { userId } of store.ofServer(tenantId, 'shop')) users.push(userId);
      return users;
    };
    expect(await usersOf('t1')).toEqual([]);
    const many = ['carl', 'dora', 'emil', 'fay', 'gus', 'hal', 'ida'];
    for (const userId of many) await store.put(connection(userId, 'shop', 'a'));
    expect(await usersOf('t1')).toEqual(many);
    expect(await usersOf('t2')).toEqual([]);
  });
});
