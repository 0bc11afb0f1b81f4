import type { TableClient } from '@azure/data-tables';
import { expect, test } from 'vitest';
import { listRows } from '../../../shared/platform/tables/azureTableRows.ts';

test('a page after one that names a partition without a row begins with the first row of that partition', async () => {
  const continuations = [{ partitionkey: 'p1', rowkey: 'r9' }, { partitionkey: 'p2' }, {}];
  const asked: (string | null)[][] = [];
  const sendRequest = (_client: unknown, { url }: { readonly url: string }) => {
    const { searchParams } = new URL(url);
    const names: Readonly<Record<string, string>> = continuations[asked.length] ?? {};
    asked.push(['NextPartitionKey', 'NextRowKey'].map((name) => searchParams.get(name)));
    const headers = { get: (name: string) => names[name.replace('x-ms-continuation-next', '')] };
    return Promise.resolve({ status: 200, headers, parsedBody: { value: [] } });
  };
  const table = { tableName: 'servers', url: 'https://account.example', pipeline: { sendRequest } };
  await Array.fromAsync(listRows(table as unknown as TableClient, ''));
  expect(asked).toEqual([
    [null, null],
    ['p1', 'r9'],
    ['p2', null],
  ]);
});
