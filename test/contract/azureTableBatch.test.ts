import { randomUUID } from 'node:crypto';
import type { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { submitBatch } from '../../shared/platform/tables/azureTableBatch.ts';
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
    await submitBatch(table, [
      ['insert', { partitionKey, rowKey: `${rowKey}-a`, text }],
      ['replace', { partitionKey, rowKey: `${rowKey}-b`, text: 'first' }],
    ]);
    await submitBatch(table, [['replace', { partitionKey, rowKey: `${rowKey}-b`, text }]]);
    expect(await all()).toEqual([
      { partitionKey, rowKey: `${rowKey}-a`, text },
      { partitionKey, rowKey: `${rowKey}-b`, text },
    ]);
  });

  test('takes a hundred rows', async () => {
    const acts = Array.from({ length: 100 }, (_, index) => ({
      partitionKey: 'p',
      rowKey: String(index).padStart(3, '0'),
      text: 'x'.repeat(1_000),
    }));
    await submitBatch(
      table,
      acts.map((row) => ['insert', row] as const),
    );
    expect(await all()).toEqual(acts);
  });

  test('changes nothing when one of its rows is there already, and says so', async () => {
    const row = { partitionKey: 'p', rowKey: 'r', text: 'old' };
    await submitBatch(table, [['insert', row]]);
    await expect(
      submitBatch(table, [
        ['replace', { ...row, rowKey: 'other', text: 'new' }],
        ['insert', { ...row, text: 'new' }],
      ]),
    ).rejects.toMatchObject({ name: 'BatchRefused', code: 'EntityAlreadyExists' });
    expect(await all()).toEqual([row]);
  });

  test('is refused where there is no such table', async () => {
    await table.deleteTable();
    await expect(
      submitBatch(table, [['insert', { partitionKey: 'p', rowKey: 'r', text: '' }]]),
    ).rejects.toMatchObject({ name: 'BatchRefused' });
  });
});
