import { randomUUID } from 'node:crypto';
import type { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendBatch } from '../../shared/platform/tables/azureTableBatch.ts';
import { openTableClient } from '../../shared/platform/tables/openTables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

describe('a batch of rows', () => {
  let azurite: Azurite;
  let table: TableClient;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  beforeEach(async () => {
    table = await openTableClient(azurite.connectionString, `t${randomUUID().replaceAll('-', '')}`);
    await table.createTable();
  });
  afterAll(() => azurite.stop());

  const all = async () => {
    const rows = await Array.fromAsync(table.listEntities());
    return rows.map(({ partitionKey, rowKey, text }) => ({ partitionKey, rowKey, text }));
  };

  test.each([
    ['a quote', "a'b", "r'1"],
    ['a space and a plus', 'a b', 'r+1 2'],
    ['signs of a URL', 'a&b=c', 'r%20;:@1'],
    ['letters beyond ASCII', 'ä€', 'ü😀'],
  ])('keeps keys with %s as they are', async (_why, partitionKey, rowKey) => {
    const text = `"\r\n--changeset ' ${rowKey}`;
    const row = (end: string, content: string) =>
      ({ key: { partition: partitionKey, row: rowKey + end }, properties: { text: content } }) as const;
    await sendBatch(table, [
      ['insert', row('-a', text)],
      ['put', row('-b', 'first')],
      ['insert', row('-c', text)],
    ]);
    const { etags } = await sendBatch(table, [
      ['put', row('-b', text)],
      ['remove', row('-c', '').key, '*'],
    ]);
    expect(etags).toEqual([(await table.getEntity(partitionKey, `${rowKey}-b`)).etag, undefined]);
    expect(await all()).toEqual([
      { partitionKey, rowKey: `${rowKey}-a`, text },
      { partitionKey, rowKey: `${rowKey}-b`, text },
    ]);
  });

  test('takes a hundred rows', async () => {
    const names = Array.from({ length: 100 }, (_, index) => String(index).padStart(3, '0'));
    const properties = { text: 'x'.repeat(1_000) };
    await sendBatch(
      table,
      names.map((row) => ['insert', { key: { partition: 'p', row }, properties }] as const),
    );
    expect(await all()).toEqual(
      names.map((rowKey) => ({ partitionKey: 'p', rowKey, text: properties.text })),
    );
  });

  test('changes nothing when one of its rows is there already, and says so', async () => {
    const row = (name: string, text: string) =>
      ({ key: { partition: 'p', row: name }, properties: { text } }) as const;
    await sendBatch(table, [['insert', row('r', 'old')]]);
    expect(
      await sendBatch(table, [
        ['put', row('other', 'new')],
        ['insert', row('r', 'new')],
      ]),
    ).toMatchObject({ status: 409, code: 'EntityAlreadyExists' });
    expect(await all()).toEqual([{ partitionKey: 'p', rowKey: 'r', text: 'old' }]);
  });

  test('is refused where there is no such table', async () => {
    await table.deleteTable();
    const row = { key: { partition: 'p', row: 'r' }, properties: { text: '' } } as const;
    const { status, code } = await sendBatch(table, [['insert', row]]);
    expect([status >= 400, code]).toEqual([true, expect.stringMatching(/^(Table|ResourceNotFound)/)]);
  });
});
