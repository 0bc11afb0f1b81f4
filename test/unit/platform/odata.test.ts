import { odata as odataOfSdk } from '@azure/data-tables';
import { expect, test } from 'vitest';
import { odata } from '../../../shared/platform/tables/odata.ts';

test.each([
  ['a text', 'abc'],
  ['quotes', "it's ''quoted''"],
  ['an attempt to add a condition', "x' or PartitionKey ne '"],
  ['a backslash, which is no escape', String.raw`a\'b\n`],
  ['nothing', ''],
  ['a text beyond ASCII', 'ä😀\uffff'],
  ['a number', 12.5],
  ['a boolean', true],
  ['a time', new Date(0)],
])('a filter has %s as the SDK writes it', (_why, value) => {
  expect(odata`PartitionKey eq ${value} and (RowKey gt ${value})`).toBe(
    odataOfSdk`PartitionKey eq ${value} and (RowKey gt ${value})`,
  );
});
