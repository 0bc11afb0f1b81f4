import { expect, test } from 'vitest';
import { createHealthNotes } from '../../../shared/gateway/upstream/serverHealth.ts';
import { readServersPart, serversPartSchema } from '../../../shared/health/serversPart.ts';
import { systemClock as clock } from '../../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const tenantId = 't1';
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

async function registered(slugs: readonly string[], discoveredAt = ago(1_000)) {
  const servers = azureTableServerStore(memoryTables());
  for (const slug of slugs)
    await servers.add(
      serverRecord({ tenantId, slug, discovery: { ...discoveryOf('modern'), discoveredAt } }),
    );
  const shortLived = memoryState();
  const note = createHealthNotes({ state: shortLived, clock });
  const url = serverRecord({}).url;
  return { deps: { servers, shortLived, clock }, note, url };
}

test('servers that answer are healthy', async () => {
  const { deps } = await registered(['a', 'b']);
  expect(await readServersPart(tenantId, deps)).toEqual({
    status: 'healthy',
    counts: { healthy: 2 },
    affected: [],
  });
});

test('a server that failed is named with the reason, the worst first', async () => {
  const { deps, note, url } = await registered(['a', 'b', 'c']);
  note(tenantId, { slug: 'b', url }, { status: 'degraded', reason: 'The last call failed.' });
  note(tenantId, { slug: 'c', url }, { status: 'failed', reason: 'The server did not answer.' });
  const part = await readServersPart(tenantId, deps);
  expect(part).toMatchObject({
    status: 'failed',
    counts: { healthy: 1, degraded: 1, failed: 1 },
    affected: [
      { slug: 'c', status: 'failed', reason: 'The server did not answer.' },
      { slug: 'b', status: 'degraded' },
    ],
  });
  expect(serversPartSchema.parse(part)).toEqual(part);
});

test('a server that nobody reached for a day is unknown', async () => {
  const { deps } = await registered(['a'], ago(25 * 3_600_000));
  expect(await readServersPart(tenantId, deps)).toMatchObject({ status: 'unknown', counts: { unknown: 1 } });
});

test('a large registry is read up to a bound, which the part tells', async () => {
  const { deps } = await registered(Array.from({ length: 230 }, (_, n) => `s${n}`));
  expect(await readServersPart(tenantId, deps)).toMatchObject({ counts: { healthy: 200 }, isCut: true });
});

test('an outage of the tables leaves the servers unknown, and is no fault of the report', async () => {
  const { deps } = await registered([]);
  const list = () => Promise.reject(new InfrastructureError('tables', 'list', new Error('refused')));
  expect(await readServersPart(tenantId, { ...deps, servers: { list } })).toEqual({
    status: 'unknown',
    counts: {},
    affected: [],
  });
});
