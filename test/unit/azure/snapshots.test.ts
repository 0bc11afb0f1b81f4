import { describe, expect, test } from 'vitest';
import { snapshotNames } from '../../../infra/azure/snapshots.ts';
import { alertHeadings, logEvents } from './checks/alerts.ts';
import { checkNames, checks } from './checks/all.ts';
import { readSnapshot } from './snapshot.ts';

describe.each(snapshotNames)('the snapshot %s', (name) => {
  test.each(checkNames)('%s', (check) => {
    expect(checks[check](readSnapshot(name))).toEqual([]);
  });
});

test('the lists that the checks read from text were found', () => {
  expect(alertHeadings().length).toBeGreaterThan(5);
  expect(logEvents()).toEqual(expect.arrayContaining(['request_handled', 'audit_chain_replaced']));
  expect(readSnapshot('prod').resources.length).toBeGreaterThan(90);
});
