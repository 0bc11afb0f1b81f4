import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { azureTableIdempotencyStore } from '../../shared/platform/http/azureTableIdempotencyStore.ts';
import {
  claimKey,
  endClaim,
  type IdempotencyDeps,
  type KeyedRequest,
} from '../../shared/platform/http/idempotency.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';

const DAY_MS = 24 * 3_600_000;

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
});
afterAll(() => azurite.stop());

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s', (where, open) => {
  function opened() {
    let now = Date.UTC(2026, 0, 1);
    const deps: IdempotencyDeps = {
      idempotencyKeys: azureTableIdempotencyStore(open()),
      clock: { now: () => new Date(now) },
      newId: randomId,
    };
    return { deps, advance: (ms: number) => void (now += ms) };
  }
  /** A request with a key of its own. */
  const request = (more: Partial<KeyedRequest> = {}): KeyedRequest => ({
    tenantId: where,
    userId: 'u1',
    key: randomId(),
    operation: 'POST /sessions',
    content: { body: { b: 1, a: 'x' } },
    isResumable: false,
    ...more,
  });
  async function handled(asked: KeyedRequest, deps: IdempotencyDeps) {
    const claimed = await claimKey(asked, deps);
    if (!claimed.ok || claimed.value.kind !== 'handle') throw new Error('the request is not to be handled');
    return claimed.value;
  }
  const answer = { status: 201, headers: { location: '/x' }, body: { id: 'é"\u2028' } };

  test('of many at once one handles the request, and the others wait', async () => {
    const { deps } = opened();
    const asked = request();
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimKey(asked, deps)));
    expect(claims.filter(({ ok }) => ok)).toHaveLength(1);
    for (const claim of claims)
      if (!claim.ok) expect(claim.error).toMatchObject({ kind: 'already_exists', retryAfterMs: 1_000 });
  });

  test('of many at once all handle one that may be resumed, under one id', async () => {
    const { deps } = opened();
    const asked = request({ isResumable: true });
    const claims = await Promise.all(Array.from({ length: 8 }, () => handled(asked, deps)));
    expect(new Set(claims.map(({ requestId }) => requestId)).size).toBe(1);
  });

  test('keeps an answer for a day, whatever the order of the fields that are sent', async () => {
    const { deps, advance } = opened();
    const asked = request();
    const { used, requestId } = await handled(asked, deps);
    await endClaim(used, answer, deps);
    advance(DAY_MS - 1);
    const again = { ...asked, content: { body: { a: 'x', b: 1 } } };
    expect(await claimKey(again, deps)).toMatchObject({ ok: true, value: { kind: 'answered', answer } });
    advance(1);
    expect((await handled({ ...asked, content: null }, deps)).requestId).not.toBe(requestId);
  });

  test('is not had by another content or operation, and names the first', async () => {
    const { deps } = opened();
    const asked = request();
    await handled(asked, deps);
    for (const other of [{ content: { body: { a: 'x', b: 2 } } }, { operation: 'POST /servers' }])
      expect(await claimKey({ ...asked, ...other }, deps)).toMatchObject({
        ok: false,
        error: { kind: 'already_exists', message: expect.stringContaining('POST /sessions') as string },
      });
    for (const other of [{ userId: 'u2' }, { tenantId: `${where} too` }, { key: randomId() }])
      expect(await claimKey({ ...asked, ...other, content: 7 }, deps)).toMatchObject({ ok: true });
  });

  test('goes to a repetition under the same id when its handler has died, whose late answer then counts no more', async () => {
    const { deps, advance } = opened();
    const asked = request();
    const first = await handled(asked, deps);
    advance(60_000);
    const second = await handled(asked, deps);
    expect(second.requestId).toBe(first.requestId);
    await endClaim(first.used, { ...answer, status: 200 }, deps);
    await endClaim(second.used, answer, deps);
    expect(await claimKey(asked, deps)).toMatchObject({ value: { kind: 'answered', answer } });
  });

  test.each([
    ['must not be stored', { ...answer, headers: { location: '/x', 'cache-control': 'no-store' } }],
    ['is longer than a row', { ...answer, body: 'x'.repeat(500_000) }],
  ])('keeps an answer without its body, where that %s', async (_, long) => {
    const { deps } = opened();
    const asked = request();
    await endClaim((await handled(asked, deps)).used, long, deps);
    const again = await claimKey(asked, deps);
    expect(again).toMatchObject({ value: { answer: { status: 201, headers: { location: '/x' } } } });
    expect(JSON.stringify(again)).not.toMatch(/"body"/);
  });

  test('is purged after its day, and not before', async () => {
    const { deps, advance } = opened();
    const { id } = (await handled(request(), deps)).used;
    await deps.idempotencyKeys.purge(deps.clock.now());
    expect(await deps.idempotencyKeys.find(id)).toBeDefined();
    advance(DAY_MS + 1);
    await deps.idempotencyKeys.purge(deps.clock.now());
    expect(await deps.idempotencyKeys.find(id)).toBeUndefined();
  });
});

test('a claim whose first write is answered twice is its own', async () => {
  const tables = memoryTables();
  /** As the SDK repeats a write whose answer was lost, and is then refused because of its own row. */
  const losing: OpenTable = (name, codec) => {
    const table = tables(name, codec);
    return { ...table, insert: async (value) => (await table.insert(value), 'exists' as const) };
  };
  const deps = {
    idempotencyKeys: azureTableIdempotencyStore(losing),
    clock: { now: () => new Date(0) },
    newId: randomId,
  };
  const asked = { tenantId: 't', userId: 'u', key: 'k', operation: 'o', content: 1, isResumable: false };
  expect(await claimKey(asked, deps)).toMatchObject({ ok: true, value: { kind: 'handle' } });
  expect(await claimKey(asked, deps)).toMatchObject({ ok: false });
});
