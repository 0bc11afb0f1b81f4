import { expect, test } from 'vitest';
import { createSeal } from '../../../shared/platform/security/seal.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { sealedServerStore } from '../../../shared/registry/records/sealedServerStore.ts';
import { openUrl } from '../../../shared/registry/records/serverUrl.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { testSeal } from '../../support/seal.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const url = 'https://mcp.example.com/mcp?code=canary';
const hidden = 'https://mcp.example.com/mcp?code=[hidden]';
const headers = [{ name: 'Authorization', value: 'Bearer canary' }];
const server = { name: 'com.example/x', remotes: [{ type: 'streamable-http', url, headers }] };

test('a row from before secrets were sealed is read as if it had been, alone and in lists', async () => {
  const rows = azureTableServerStore(memoryTables());
  await rows.add(serverRecord({ url, server }));
  const store = sealedServerStore(rows, testSeal);
  const found = (await store.find('t1', 'inventory'))?.value;
  const listed = (await store.list('t1', {}, 10)).items[0];
  for (const record of [found, listed]) {
    if (!record) throw new Error('the record is there');
    expect(record.url).toBe(hidden);
    expect(JSON.stringify(record)).not.toContain('canary');
    expect(openUrl(record, 't1', testSeal)).toBe(url);
    expect(openUrl(record, 't2', testSeal)).toBeUndefined();
  }
});

test('a URL is sealed anew with the first key, so that an old key can be taken away', async () => {
  const [old, current] = [
    'an-old-key-that-is-long-enough-for-it',
    'a-new-key-that-is-long-enough-for-it-too',
  ];
  const rows = azureTableServerStore(memoryTables());
  await rows.add(serverRecord({ url }));
  const first = await sealedServerStore(rows, createSeal([old])).find('t1', 'inventory');
  if (!first) throw new Error('the record is there');
  await rows.replace(first.value, first.etag);
  const second = await sealedServerStore(rows, createSeal([current, old])).find('t1', 'inventory');
  if (!second) throw new Error('the record is there');
  expect(openUrl(second.value, 't1', createSeal([current]))).toBe(url);
  const without = await sealedServerStore(rows, createSeal([current])).find('t1', 'inventory');
  expect(without?.value.url).toBe(hidden);
});
