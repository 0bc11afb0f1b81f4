import { deflateRawSync } from 'node:zlib';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAudit } from '../../shared/audit/journal/audit.ts';
import { partitionOf } from '../../shared/audit/journal/azureTableTrailRows.ts';
import { MAX_BATCH } from '../../shared/audit/limits.ts';
import { createDigest } from '../../shared/audit/model/hashChain.ts';
import type { AuditEvent, AuditRecord } from '../../shared/audit/model/record.ts';
import { searchTrail } from '../../shared/audit/model/searchTrail.ts';
import type { TrailQuery } from '../../shared/audit/model/trailStore.ts';
import { verifyTrail } from '../../shared/audit/verify/verifyTrail.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { join, splitPacked } from '../../shared/platform/tables/tableDocument.ts';
import { azureTrail, earlierAzureTrail } from '../support/azureTrail.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { recordingLog } from '../support/gateway.ts';
import type { OpenTrail } from '../support/memoryTrail.ts';
import { toolCallRecord } from '../support/toolCallRecord.ts';

let azurite: Azurite;
let client: TableClient;
beforeAll(async () => {
  azurite = await startAzurite();
  const options = { allowInsecureConnection: true };
  client = TableClient.fromConnectionString(azurite.connectionString, 'audit', options);
  await client.createTable();
});
afterAll(() => azurite.stop());

interface Row {
  readonly partitionKey: string;
  readonly rowKey: string;
}
let tenants = 0;
let tenantId: string;
let trail: OpenTrail;
let now: number;
beforeEach(() => {
  tenantId = `t${++tenants}`;
  trail = azureTrail(azurite.connectionString, client);
  now = Date.UTC(2026, 0, 1);
});

const event = (resource: string, more: Partial<AuditEvent> = {}): AuditEvent =>
  toolCallRecord(resource, { tenantId, ...more });
/** An instance of an app, whose clock moves on by some milliseconds with every look at it. */
const instance = (store = trail.store, ms = 10) =>
  openAudit({
    store,
    clock: { now: () => new Date((now += ms)) },
    newId: randomId,
    log: recordingLog(),
  });
const write = async (count: number, audit = instance()) => {
  for (let index = 0; index < count; index++) audit.append(event(`r${index}`));
  await audit.flush();
};
const verify = (span = {}) =>
  verifyTrail(tenantId, span, {
    store: trail.store,
    digest: createDigest(),
    signal: new AbortController().signal,
  });
const list = async (query: TrailQuery, limit: number): Promise<AuditRecord[]> => {
  const found: AuditRecord[] = [];
  let after: string | undefined;
  do {
    const page = await searchTrail(trail.store, tenantId, query, limit, after);
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items);
    after = page.after;
  } while (after !== undefined);
  return found;
};
const rowsOf = async (kind: string): Promise<(Record<string, unknown> & Row)[]> => {
  const filter = `PartitionKey ge '${tenantId}_' and PartitionKey lt '${tenantId}_~' and RowKey ge '${kind}' and RowKey lt '${kind}~'`;
  const rows = await Array.fromAsync(client.listEntities({ queryOptions: { filter } }));
  return rows.map(({ partitionKey = '', rowKey = '', ...row }) => ({ ...row, partitionKey, rowKey }));
};

test('a commit is one row and the segment, however many records it has, and the longest records fit', async () => {
  const audit = instance();
  const long = '\u6771"'.repeat(100);
  for (let index = 0; index < 2 * MAX_BATCH; index++)
    audit.append(
      event(long, { actor: long, actorName: `${index}`.padEnd(200, '\u4eac'), resourceName: long }),
    );
  await audit.flush();
  expect(await rowsOf('b')).toHaveLength(2);
  expect(await rowsOf('t')).toHaveLength(1);
  expect(await verify()).toEqual({ verified: 2 * MAX_BATCH, segments: 1 });
  expect((await list({ actor: long }, 30)).length).toBe(2 * MAX_BATCH);
});

describe('a trail with blocks of several instances and with rows of an earlier version', () => {
  let resources: string[];
  beforeEach(async () => {
    const earlier = earlierAzureTrail(azurite.connectionString, client);
    const audits = [instance(earlier.store), instance(), instance(trail.store, 40), instance(earlier.store)];
    resources = [];
    for (let index = 0; index < 800; index++) {
      const resource = `r${index}`;
      audits[index % 4]?.append(
        event(resource, {
          actor: index % 50 === 7 ? 'rare' : 'alice',
          action: index % 3 === 0 ? 'servers.delete' : 'tools/call',
          decision: index % 5 === 0 ? 'refused' : 'allowed',
          outcome: index % 5 === 0 ? 'forbidden' : 'succeeded',
        }),
      );
      resources.unshift(resource);
      if (index % 137 === 0) await Promise.all(audits.map((audit) => audit.flush()));
    }
    await Promise.all(audits.map((audit) => audit.flush()));
  });

  test('is one list in the order of time, for pages of any length', async () => {
    for (const limit of [7, 100]) {
      expect((await list({}, limit)).map(({ resource }) => resource)).toEqual(resources);
    }
  });

  test.each<[query: TrailQuery, isWanted: (index: number) => boolean]>([
    [{ actor: 'rare' }, (index) => index % 50 === 7],
    [{ action: 'servers.delete' }, (index) => index % 3 === 0],
    [{ resource: 'r42' }, (index) => index === 42],
    [{ decision: 'refused' }, (index) => index % 5 === 0],
    [{ outcome: 'succeeded', actor: 'rare' }, (index) => index % 5 !== 0 && index % 50 === 7],
    [{ actor: 'nobody' }, () => false],
  ])('is searched by %j in both', async (query, isWanted) => {
    const wanted = resources.filter((resource) => isWanted(Number(resource.slice(1))));
    expect((await list(query, 9)).map(({ resource }) => resource)).toEqual(wanted);
  });

  test('is searched by time, which may begin and end within a block', async () => {
    const all = await list({}, 100);
    for (const [first, last] of [
      [10, 600],
      [333, 333],
      [799, 0],
    ] as const) {
      const span = { to: new Date(all[first]?.at ?? ''), from: new Date(all[last]?.at ?? '') };
      expect(await list(span, 50)).toEqual(first <= last ? all.slice(first, last + 1) : []);
    }
  });

  test('is verified as a whole and in spans', async () => {
    expect(await verify()).toEqual({ verified: 800, segments: 4 });
    const all = await list({}, 100);
    const changed = all[400];
    if (!changed) throw new Error('too few records');
    const from = new Date(changed.at);
    expect((await verify({ from })).firstBad).toBeUndefined();
  });
});

describe('of a chain of five blocks, the verification finds', () => {
  beforeEach(() => write(4 * MAX_BATCH + 20));
  const blocks = async () => (await rowsOf('b')).toReversed();
  const nth = async (index: number) => {
    const row = (await blocks()).at(index);
    if (!row) throw new Error('too few blocks');
    return row;
  };
  const chainOf = (rowKey: string) => rowKey.split('-')[1] ?? '';
  const named = (rowKey: string, seq: number, reason: string) => ({
    id: `${chainOf(rowKey)}-${seq}`,
    reason,
  });

  test('nothing, while nothing was done', async () => {
    expect(await verify()).toEqual({ verified: 4 * MAX_BATCH + 20, segments: 1 });
  });

  test('one that cannot be read, from its first record on', async () => {
    const row = await nth(1);
    const lines = deflateRawSync('\n'.repeat(5_000_000));
    for (const garbled of [new Uint8Array([1, 2, 3]), 'no bytes', new Uint8Array(0), lines]) {
      await client.upsertEntity({ ...row, packed0: garbled }, 'Replace');
      expect((await verify()).firstBad).toMatchObject(named(row.rowKey, MAX_BATCH, 'edited'));
      expect(await list({}, 100)).toHaveLength(3 * MAX_BATCH + 20);
    }
  });

  test('one that is deleted', async () => {
    const row = await nth(2);
    await client.deleteEntity(row.partitionKey, row.rowKey);
    expect((await verify()).firstBad).toMatchObject(named(row.rowKey, 2 * MAX_BATCH, 'deleted'));
  });

  test('the last ones truncated', async () => {
    const rows = (await blocks()).slice(3);
    for (const row of rows) await client.deleteEntity(row.partitionKey, row.rowKey);
    expect((await verify()).firstBad).toMatchObject(named(rows[0]?.rowKey ?? '', 3 * MAX_BATCH, 'truncated'));
  });

  test.each([
    ['at a later time', (rowKey: string) => `b0000000000000-${rowKey.split('-').slice(1).join('-')}`],
    ['under no key of ours', () => 'b0-copy'],
    ['as a block of another chain', (rowKey: string) => rowKey.replace(/-(\w)/, '-x$1')],
  ])('a copy of one %s', async (_where, keyOf) => {
    const row = await nth(1);
    const rowKey = keyOf(row.rowKey);
    await client.createEntity({ ...row, rowKey, partitionKey: partitionOf(tenantId, rowKey) });
    expect((await verify()).firstBad?.reason).toBe('doubled');
  });

  test('one that was moved to a later time, where searches of its time do not look', async () => {
    const row = await nth(1);
    const rowKey = `b0000000000000-${row.rowKey.split('-').slice(1).join('-')}`;
    await client.createEntity({ ...row, rowKey });
    await client.deleteEntity(row.partitionKey, row.rowKey);
    expect((await verify()).firstBad).toMatchObject({ reason: 'swapped' });
    expect((await list({}, 100)).length).toBeGreaterThan(3 * MAX_BATCH + 20);
  });

  test('a copy of one in another partition', async () => {
    const row = await nth(1);
    const others = [0, 1, 2, 3].map((number) => `${tenantId}_${number}`);
    const partitionKey = others.find((name) => name !== row.partitionKey) ?? '';
    await client.createEntity({ ...row, partitionKey });
    expect((await verify()).firstBad).toMatchObject(named(row.rowKey, MAX_BATCH, 'doubled'));
  });

  test('a copy of one of another tenant, which no list of this tenant shows', async () => {
    const row = await nth(1);
    const other = tenantId;
    tenantId = `${other}other`;
    await write(3);
    await client.createEntity({ ...row, partitionKey: row.partitionKey.replace(other, tenantId) });
    expect((await verify()).firstBad).toMatchObject(named(row.rowKey, MAX_BATCH, 'edited'));
    expect(await list({}, 100)).toHaveLength(3);
  });

  test('a record that is nested too deep', async () => {
    const { partitionKey, rowKey, oldest, ...columns } = await nth(1);
    const deep = `{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)},`;
    const text = join(columns).replace('{', deep);
    await client.upsertEntity({ partitionKey, rowKey, oldest, ...splitPacked(text) }, 'Replace');
    expect((await verify()).firstBad).toMatchObject(named(rowKey, MAX_BATCH, 'edited'));
    expect(await list({}, 100)).toHaveLength(4 * MAX_BATCH + 19);
  });

  test('two that changed places', async () => {
    const [one, other] = [await nth(1), await nth(3)];
    await client.upsertEntity({ ...other, rowKey: one.rowKey, oldest: one['oldest'] }, 'Replace');
    await client.upsertEntity({ ...one, rowKey: other.rowKey, oldest: other['oldest'] }, 'Replace');
    expect((await verify()).firstBad?.id).toMatch(new RegExp(`^${chainOf(one.rowKey)}-1\\d\\d$`));
  });

  test('one that says its records are newer than they are', async () => {
    const row = await nth(1);
    await client.upsertEntity({ ...row, oldest: `r${row.rowKey.slice(1)}` }, 'Replace');
    expect((await verify()).firstBad).toBeDefined();
    await client.upsertEntity({ ...row, oldest: 7 }, 'Replace');
    expect((await verify()).firstBad).toBeDefined();
  });

  test('a row of an earlier version that repeats one of its records', async () => {
    const record = (await list({}, 100)).at(-1);
    const row = await nth(-1);
    const rowKey = `r${row.rowKey.slice(1)}`;
    await client.createEntity({ partitionKey: row.partitionKey, rowKey, document: JSON.stringify(record) });
    expect((await verify()).firstBad?.reason).toBe('doubled');
  });
});

test('a record of an earlier version whose columns were edited is found', async () => {
  const earlier = earlierAzureTrail(azurite.connectionString, client);
  await write(6, instance(earlier.store));
  const [, row] = await rowsOf('r');
  if (!row) throw new Error('nothing was written');
  await client.upsertEntity({ ...row, actor: 'nobody' }, 'Replace');
  expect((await verify()).firstBad).toMatchObject({ reason: 'edited' });
});
