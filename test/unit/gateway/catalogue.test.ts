import { beforeEach, expect, test } from 'vitest';
import { createCatalogue } from '../../../shared/gateway/catalogue/catalogue.ts';
import { RECORD_FRESH_MS } from '../../../shared/gateway/protocol/limits.ts';
import type { ServerRecord } from '../../../shared/registry/records/server.ts';
import type { VisibleServers } from '../../../shared/registry/records/visibleServers.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const OWN = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

let now = 0;
let reads = 0;
/** What the registry has, by tenant. An error is an outage. */
let stored: Record<string, ServerRecord | Error | undefined> = {};

const active = (title: string): ServerRecord =>
  serverRecord({ tenantId: OWN, slug: 'one', title, discovery: discoveryOf('modern') });

function catalogue() {
  const visibleServers: Pick<VisibleServers, 'find'> = {
    find(tenantId) {
      reads += 1;
      const record = stored[tenantId];
      if (record instanceof Error) return Promise.reject(record);
      return Promise.resolve(record && { value: record, etag: '' });
    },
  };
  return createCatalogue({
    visibleServers: visibleServers as VisibleServers,
    toolsets: { find: () => Promise.resolve(undefined) },
    clock: { now: () => new Date(now) },
  });
}

beforeEach(() => {
  now = 0;
  reads = 0;
  stored = { [OWN]: active('first') };
});

test('a server that was read is there without a wait, for two seconds and no longer', async () => {
  const { find } = catalogue();
  await find(OWN, 'one');
  stored = { [OWN]: active('second') };
  now = RECORD_FRESH_MS - 1;
  expect(find(OWN, 'one')).toMatchObject({ title: 'first' });
  now = RECORD_FRESH_MS;
  expect(find(OWN, 'one')).toBeInstanceOf(Promise);
  expect(await find(OWN, 'one')).toMatchObject({ title: 'second' });
  expect(reads).toBe(2);
});

test.each([
  ['disabled', 'disabled' as const],
  ['rejected', 'rejected' as const],
])('a server that was %s meanwhile is not found after two seconds', async (_, status) => {
  const { find } = catalogue();
  await find(OWN, 'one');
  stored = { [OWN]: { ...active('first'), status } };
  now = RECORD_FRESH_MS;
  expect(await find(OWN, 'one')).toBeUndefined();
  expect(await find(OWN, 'one')).toBeUndefined();
});

test('what one tenant was given is not given to another', async () => {
  const { find } = catalogue();
  await find(OWN, 'one');
  expect(await find(OTHER, 'one')).toBeUndefined();
});

test('a server that this instance has changed is read again at once', async () => {
  const { find, invalidate } = catalogue();
  const before = find(OWN, 'one');
  invalidate(OWN, 'one');
  stored = { [OWN]: active('second') };
  await before;
  expect(await find(OWN, 'one')).toMatchObject({ title: 'second' });
});

test('neither a missing server nor an outage is cached', async () => {
  const { find } = catalogue();
  stored = {};
  expect(await find(OWN, 'one')).toBeUndefined();
  stored = { [OWN]: new Error('outage') };
  await expect(find(OWN, 'one')).rejects.toThrow('outage');
  stored = { [OWN]: active('first') };
  expect(await find(OWN, 'one')).toMatchObject({ title: 'first' });
});
