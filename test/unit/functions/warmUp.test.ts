import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AppDeps } from '../../../functions/compose/deps.ts';
import { warmUp } from '../../../functions/compose/warmUp.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';

/** Stores that answer with an outage, and say which tenants were read. */
function awayStores(read: string[]): Pick<AppDeps, 'isRevoked' | 'visibleServers'> {
  const fail = (tenantId: string) => {
    read.push(tenantId);
    return Promise.reject(new InfrastructureError('tables', 'read', new Error('away')));
  };
  return {
    isRevoked: ({ tenantId }) => fail(tenantId),
    visibleServers: { find: fail, list: fail, version: fail },
  };
}

const config = { tenants: new Set(['operator', 'other']) };

test('the stores are read after the import of the app, and an outage of them ends nothing', async () => {
  const read: string[] = [];
  warmUp({ config, ...awayStores(read) });
  expect(read).toEqual([]);
  await turn();
  expect(read).toEqual(['operator', 'operator', 'operator']);
  // An unhandled rejection would fail the test run.
  await turn();
});
