import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAudit } from '../../shared/audit/journal/audit.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import { createDigest, type Digest, isIntact, withHash } from '../../shared/audit/model/hashChain.ts';
import {
  type AuditEvent,
  type AuditRecord,
  type Segment,
  SEGMENT_LENGTH,
} from '../../shared/audit/model/record.ts';
import {
  recordKey,
  recordOf,
  segmentKey,
  segmentOf,
  type TrailRow,
} from '../../shared/audit/model/trailStore.ts';
import { type Verification, verifyTrail } from '../../shared/audit/verify/verifyTrail.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { azureTrail, earlierAzureTrail } from '../support/azureTrail.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { recordingLog } from '../support/gateway.ts';
import { memoryTrail, type OpenTrail } from '../support/memoryTrail.ts';
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

let tenants = 0;

describe.each<[string, () => OpenTrail]>([
  ['Azure Tables', () => azureTrail(azurite.connectionString, client)],
  ['Azure Tables, written by an earlier version', () => earlierAzureTrail(azurite.connectionString, client)],
  ['a trail in memory', () => memoryTrail()],
])('on %s', (where, open) => {
  let trail: OpenTrail;
  let tenantId: string;
  let now: number;
  beforeEach(() => {
    trail = open();
    tenantId = `t${++tenants}`;
    now = Date.UTC(2026, 0, 1);
  });

  const digest = createDigest();
  const event = (resource: string, more: Partial<AuditEvent> = {}): AuditEvent =>
    toolCallRecord(resource, { tenantId, durationMs: 3, ...more });
  /** An instance of an app, whose clock moves on by a second with every look at it. */
  const instance = (key?: Uint8Array) =>
    openAudit({
      store: trail.store,
      clock: { now: () => new Date((now += 1_000)) },
      newId: randomId,
      log: recordingLog(),
      ...(key && { key }),
    });
  const write = async (count: number, key?: Uint8Array) => {
    const audit = instance(key);
    for (let index = 0; index < count; index++) audit.append(event(`servers/s${index}`));
    await audit.flush();
  };
  const rows = async (query = {}) => (await trail.store.records(tenantId, query, 999)).rows;
  const records = async (query = {}) =>
    (await rows(query))
      .map((row) => recordOf(row, tenantId))
      .filter((record): record is AuditRecord => record !== undefined);
  const segments = async () =>
    (await trail.store.segments(tenantId, 99)).rows
      .map(segmentOf)
      .filter((segment): segment is Segment => segment !== undefined);
  const verify = (span = {}, by: Digest = digest): Promise<Verification> =>
    verifyTrail(tenantId, span, {
      store: trail.store,
      digest: by,
      signal: new AbortController().signal,
    });
  /** Records oldest first, with the rows that hold them. */
  const written = async () => (await records()).toReversed();
  const rowOf = async (record: AuditRecord): Promise<TrailRow> => {
    const row = await trail.read(tenantId, recordKey(record));
    if (!row) throw new Error(`no row for ${record.id}`);
    return row;
  };
  const nth = async (index: number): Promise<AuditRecord> => {
    const record = (await written()).at(index);
    if (!record) throw new Error('too few records');
    return record;
  };
  const edit = async (record: AuditRecord, change: Record<string, unknown>) => {
    const row = await rowOf(record);
    await trail.write(tenantId, { ...row, document: { ...record, ...change } });
  };

  test('records come back newest first, page by page, by actor, action, resource and time, and a tenant has its own only', async () => {
    const audit = instance();
    audit.append(event('a'));
    audit.append(event('b', { actor: "o'brien" }));
    audit.append(event('c 東京', { action: 'servers.delete' }));
    audit.append(event('d'));
    await audit.flush();
    const names = (found: readonly AuditRecord[]) => found.map(({ resource }) => resource);
    const all = await records();
    expect(names(all)).toEqual(['d', 'c 東京', 'b', 'a']);
    expect(names(await records({ actor: "o'brien" }))).toEqual(['b']);
    expect(names(await records({ action: 'servers.delete' }))).toEqual(['c 東京']);
    expect(names(await records({ resource: 'c 東京' }))).toEqual(['c 東京']);
    expect(names(await records({ actor: "' or true or '" }))).toEqual([]);
    const [, c, b] = all.map(({ at }) => new Date(at));
    expect(names(await records({ from: b, to: c }))).toEqual(['c 東京', 'b']);
    const first = await trail.store.records(tenantId, {}, 3);
    const second = await trail.store.records(tenantId, {}, 3, first.after);
    expect(first.rows).toHaveLength(3);
    expect(second.rows.map((row) => recordOf(row, tenantId)).map((record) => record?.resource)).toEqual([
      'a',
    ]);
    expect(second.after).toBeUndefined();
    expect((await trail.store.records(`${tenantId}x`, {}, 9)).rows).toEqual([]);
    expect(await verify()).toEqual({ verified: 4, segments: 1 });
  });

  test('a commit of which one record exists already changes nothing', async () => {
    await write(2);
    const before = await rows();
    const [last] = await records();
    const [segment] = await segments();
    if (!last || !segment) throw new Error('nothing was written');
    const changed = withHash({ ...segment, count: 7 }, digest);
    const sealed = (record: AuditRecord) => {
      return { id: record.id, key: recordKey(record), hash: record.hash, text: JSON.stringify(record) };
    };
    expect(await trail.store.commit([sealed({ ...last, seq: 0 }), sealed(last)], [changed])).toBe('exists');
    expect(await rows()).toEqual(before);
    expect(await segments()).toEqual([segment]);
  });

  test('a trail that several instances write at the same time, over several segments, is sound at any moment', async () => {
    const count = SEGMENT_LENGTH + 120;
    const audits = [instance(), instance(), instance()];
    for (let index = 0; index < count; index++) for (const audit of audits) audit.append(event(`r${index}`));
    const writing = Promise.all(audits.map((audit) => audit.flush()));
    for (let look = 0; look < 3; look++) expect((await verify()).firstBad).toBeUndefined();
    await writing;
    expect(await verify()).toEqual({ verified: 3 * count, segments: 6 });
    const chains = Map.groupBy(await segments(), ({ chain }) => chain);
    expect([...chains.values()].map((chain) => chain.map((segment) => segment.count))).toEqual(
      audits.map(() => [SEGMENT_LENGTH, 120]),
    );
  });

  test('a span of time is verified by the segments that it touches', async () => {
    await write(3);
    const to = new Date((await nth(-1)).at);
    now += 3_600_000;
    await write(5);
    const from = new Date((await nth(-5)).at);
    expect(await verify({ to })).toEqual({ verified: 3, segments: 1 });
    expect(await verify({ from })).toEqual({ verified: 5, segments: 1 });
    await edit(await nth(1), { outcome: 'not_found' });
    expect((await verify({ from })).firstBad).toBeUndefined();
    expect((await verify({ to })).firstBad?.reason).toBe('edited');
  });

  test('a record whose commit had no answer is not written twice', async () => {
    let answers = 0;
    type Commit = OpenTrail['store']['commit'];
    const deaf = {
      ...trail.store,
      commit: async (...what: Parameters<Commit>) => {
        const outcome = await trail.store.commit(...what);
        if (++answers === 1) throw new InfrastructureError('tables', 'commit audit', new Error('no answer'));
        return outcome;
      },
    };
    const audit = openAudit({
      store: deaf,
      clock: { now: () => new Date((now += 1_000)) },
      newId: randomId,
      log: recordingLog(),
    });
    audit.append(event('a'));
    await audit.flush();
    audit.append(event('b'));
    await audit.flush();
    expect((await written()).map(({ resource }) => resource)).toEqual(['a', 'b']);
    expect(await verify()).toEqual({ verified: 2, segments: 1 });
  });

  test('someone who plants records where a chain goes on does not stop the trail, and is found', async () => {
    const audit = instance();
    audit.append(event('a'));
    await audit.flush();
    const a = await nth(0);
    const at = new Date(now + 1_000).toISOString();
    const planted = withHash({ ...a, hash: undefined, seq: 1, at, id: `${a.chain}-1` }, digest);
    await trail.write(tenantId, { ...(await rowOf(a)), key: recordKey(planted), document: planted });
    audit.append(event('b'));
    await audit.flush();
    expect((await records({ resource: 'b' })).map(({ seq }) => seq)).toEqual([0]);
    expect((await verify()).firstBad?.id).toBe(`${a.chain}-1`);
  });

  describe('finds the first record that was', () => {
    beforeEach(async () => {
      await write(6);
    });

    test('edited, in any of its fields', async () => {
      const record = await nth(2);
      for (const change of [
        { actor: 'mallory' },
        { durationMs: 4 },
        { extra: 1 },
        { hash: 'x' },
        { at: 7 },
      ]) {
        await edit(record, change);
        expect((await verify()).firstBad).toEqual({ id: record.id, at: record.at, reason: 'edited' });
      }
    });

    test('edited with a hash to match', async () => {
      const { hash: _hash, ...content } = await nth(2);
      const changed = withHash({ ...content, actor: 'mallory' }, digest);
      await trail.write(tenantId, {
        ...(await rowOf(await nth(2))),
        document: changed,
        labels: { ...changed },
      });
      const found = (await verify()).firstBad;
      expect(found).toEqual({ id: changed.id, at: changed.at, reason: 'edited' });
    });

    test('made unreadable', async () => {
      const record = await nth(2);
      await trail.write(tenantId, { ...(await rowOf(record)), document: undefined });
      expect((await verify()).firstBad).toEqual({ id: record.id, at: record.at, reason: 'edited' });
      expect(await records()).toHaveLength(5);
    });

    test('deleted', async () => {
      const { id } = await nth(2);
      await trail.remove(tenantId, recordKey(await nth(2)));
      expect((await verify()).firstBad).toMatchObject({ id, reason: 'deleted' });
    });

    test('the first of all, deleted', async () => {
      const { id } = await nth(0);
      await trail.remove(tenantId, recordKey(await nth(0)));
      expect((await verify()).firstBad).toMatchObject({ id, reason: 'deleted' });
    });

    test('swapped with another', async () => {
      const [first, second] = [await rowOf(await nth(1)), await rowOf(await nth(4))];
      const { id, at } = await nth(1);
      await trail.write(tenantId, { ...second, key: first.key });
      await trail.write(tenantId, { ...first, key: second.key });
      expect((await verify()).firstBad).toEqual({ id, at, reason: 'swapped' });
    });

    test('truncated: the last ones are gone', async () => {
      const { id } = await nth(4);
      for (const record of (await written()).slice(4)) await trail.remove(tenantId, recordKey(record));
      expect((await verify()).firstBad).toMatchObject({ id, reason: 'truncated' });
    });

    test('truncated with the head of its chain', async () => {
      const [segment] = await segments();
      if (!segment) throw new Error('no segment');
      await trail.remove(tenantId, segmentKey(segment));
      expect((await verify()).firstBad).toMatchObject({ id: (await nth(0)).id, reason: 'truncated' });
    });

    test('doubled: a copy at another time', async () => {
      const record = await nth(2);
      const copy = { ...(await rowOf(record)), key: recordKey({ ...record, at: (await nth(5)).at }) };
      await trail.write(tenantId, copy);
      expect((await verify()).firstBad).toMatchObject({ id: record.id, reason: 'doubled' });
    });

    test('doubled: a copy as one more, in place of another, and under no key of ours', async () => {
      const record = await nth(2);
      const row = await rowOf(record);
      for (const key of [recordKey({ ...record, seq: 6 }), recordKey(await nth(4)), 'r0-copy']) {
        const before = await trail.read(tenantId, key);
        await trail.write(tenantId, { ...row, key });
        expect((await verify()).firstBad?.reason).toBe('doubled');
        if (before) await trail.write(tenantId, before);
        else await trail.remove(tenantId, key);
      }
      expect(await verify()).toEqual({ verified: 6, segments: 1 });
    });

    test('and the oldest of several', async () => {
      await edit(await nth(4), { actor: 'mallory' });
      await trail.remove(tenantId, recordKey(await nth(1)));
      const id = (await written())[0]?.id.replace(/-0$/, '-1');
      expect((await verify()).firstBad).toMatchObject({ id, reason: 'deleted' });
    });

    test('an end that was set back shows the records beyond it', async () => {
      const [segment] = await segments();
      const third = await nth(2);
      if (!segment) throw new Error('no segment');
      const { hash: _hash, ...content } = segment;
      const back = withHash({ ...content, count: 3, head: third.hash, lastAt: third.at }, digest);
      await trail.write(tenantId, { key: segmentKey(segment), document: back, labels: {} });
      expect((await verify()).firstBad).toMatchObject({ id: (await nth(3)).id, reason: 'edited' });
      await edit(await nth(3), {});
      const garbled = { key: segmentKey(segment), document: { ...back, count: 2 }, labels: {} };
      await trail.write(tenantId, garbled);
      expect((await verify()).firstBad?.reason).toBe('edited');
    });
  });

  test('a last segment that is gone with its records is missed, since the one before it is full', async () => {
    await write(SEGMENT_LENGTH + 3);
    const last = (await segments()).at(-1);
    if (!last) throw new Error('no segment');
    for (const record of (await written()).slice(SEGMENT_LENGTH))
      await trail.remove(tenantId, recordKey(record));
    await trail.remove(tenantId, segmentKey(last));
    const id = `${last.chain}-${SEGMENT_LENGTH}`;
    expect((await verify()).firstBad).toMatchObject({ id, reason: 'truncated' });
  });

  describe('of a chain of several segments, finds', () => {
    beforeEach(async () => {
      await write(2 * SEGMENT_LENGTH + 3);
    });
    const remake = async (number: number, change: Partial<Segment>) => {
      const segment = (await segments())[number];
      if (!segment) throw new Error('no such segment');
      const { hash: _hash, ...content } = segment;
      const document = withHash({ ...content, ...change }, digest);
      await trail.write(tenantId, { key: segmentKey(segment), document, labels: {} });
    };
    const all = async () => {
      const older = await trail.store.records(tenantId, {}, 999);
      const rest = await trail.store.records(tenantId, {}, 999, older.after);
      return [...older.rows, ...rest.rows]
        .map((row) => recordOf(row, tenantId))
        .flatMap((record) => record ?? [])
        .toReversed();
    };
    const removeAll = async (gone: readonly AuditRecord[]) => {
      for (const record of gone) await trail.remove(tenantId, recordKey(record));
    };
    const chain = async () => (await segments())[0]?.chain ?? '';
    const named = async (seq: number, reason: string) => ({ id: `${await chain()}-${seq}`, reason });

    test('nothing, while nothing was done', async () => {
      expect(await verify()).toEqual({ verified: 2 * SEGMENT_LENGTH + 3, segments: 3 });
    });

    test('the end of one that is not the last deleted', async () => {
      await removeAll((await all()).slice(SEGMENT_LENGTH - 3, SEGMENT_LENGTH));
      expect((await verify()).firstBad).toMatchObject(await named(SEGMENT_LENGTH - 3, 'deleted'));
      const to = new Date((await all())[3]?.at ?? '');
      expect((await verify({ to })).firstBad).toMatchObject(await named(SEGMENT_LENGTH - 3, 'deleted'));
    });

    test('the ends of the last two truncated', async () => {
      await removeAll((await all()).slice(2 * SEGMENT_LENGTH - 3));
      expect((await verify()).firstBad).toMatchObject(await named(2 * SEGMENT_LENGTH - 3, 'truncated'));
    });

    test('one deleted with all its records', async () => {
      const [, middle] = await segments();
      if (!middle) throw new Error('no such segment');
      await removeAll((await all()).slice(SEGMENT_LENGTH, 2 * SEGMENT_LENGTH));
      await trail.remove(tenantId, segmentKey(middle));
      expect((await verify()).firstBad).toMatchObject(await named(SEGMENT_LENGTH, 'deleted'));
    });

    test('one cut short with an end to match', async () => {
      const records = await all();
      await removeAll(records.slice(SEGMENT_LENGTH - 2, SEGMENT_LENGTH));
      const last = records[SEGMENT_LENGTH - 3];
      await remake(0, { count: SEGMENT_LENGTH - 2, ...(last && { head: last.hash, lastAt: last.at }) });
      expect((await verify()).firstBad).toMatchObject(await named(SEGMENT_LENGTH - 2, 'deleted'));
    });

    test('one whose beginning was made anew', async () => {
      await remake(0, { start: 'x' });
      expect((await verify()).firstBad).toMatchObject(await named(0, 'edited'));
    });

    test('one whose last record and end were made anew, to match', async () => {
      const last = (await all())[SEGMENT_LENGTH - 1];
      if (!last) throw new Error('no such record');
      const { hash: _hash, ...content } = last;
      const document = withHash({ ...content, durationMs: 0 }, digest);
      await trail.write(tenantId, { ...(await rowOf(last)), document });
      await remake(0, { head: document.hash });
      expect((await verify()).firstBad).toMatchObject(await named(SEGMENT_LENGTH - 1, 'edited'));
    });

    test('one whose end was made anew', async () => {
      await remake(2, { head: 'x' });
      expect((await verify()).firstBad).toMatchObject(await named(2 * SEGMENT_LENGTH + 2, 'edited'));
    });

    test('one that was edited', async () => {
      const [, middle] = await segments();
      if (!middle) throw new Error('no such segment');
      const document = { ...middle, firstAt: new Date(0).toISOString() };
      await trail.write(tenantId, { key: segmentKey(middle), document, labels: {} });
      expect((await verify()).firstBad).toMatchObject(await named(SEGMENT_LENGTH, 'edited'));
    });
  });

  test("a record of another tenant's trail is not taken for one's own", async () => {
    await write(2);
    const row = await rowOf(await nth(1));
    const victim = tenantId;
    tenantId = `${victim}x`;
    await write(1);
    await trail.write(tenantId, row);
    expect((await verify()).firstBad?.reason).toBe('edited');
  });

  test('with a key, who makes hashes without it is found', async () => {
    const keyed = createDigest(Buffer.from('key'));
    await write(4, Buffer.from('key'));
    expect(await verify({}, keyed)).toEqual({ verified: 4, segments: 1 });
    const record = await nth(1);
    const { hash: _hash, ...content } = record;
    const forged = withHash({ ...content, actor: 'mallory' }, digest);
    expect(isIntact(forged, digest)).toBe(true);
    await edit(record, forged);
    expect((await verify({}, keyed)).firstBad).toMatchObject({ id: record.id, reason: 'edited' });
    expect(where).not.toBe('');
  });
});

test('a store that is gone is an outage, not an empty trail', async () => {
  const gone = azureTableTrailStore(
    azurite.connectionString.replace(/TableEndpoint=.*/, 'TableEndpoint=http://127.0.0.1:9/devstoreaccount1'),
  );
  await expect(gone.records('t', {}, 1)).rejects.toThrow(InfrastructureError);
  await expect(gone.find('t', 'k')).rejects.toThrow(InfrastructureError);
});
