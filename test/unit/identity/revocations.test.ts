import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  azureTableRevocationStore,
  type Revocation,
  revocationIdOf,
  type RevocationStore,
  type RevokedSubject,
} from '../../../shared/identity/access/revocation.ts';
import { createRevocations, type Revocations } from '../../../shared/identity/access/revocations.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import type { StateStore } from '../../../shared/platform/state/stateStore.ts';
import { memoryTables } from '../../support/memoryTables.ts';

const actor = { tenantId: 't1', userId: 'u1', clientId: 'c1' };

let now: number;
let store: RevocationStore;
let tableReads: number;
/** Runs once, before the next operation of the table. */
let beforeTable: () => void;
let redis: StateStore;
let stateCalls: number;
let isStateAway: boolean;
let isTableAway: boolean;
let ended: string[];

const clock = { now: () => new Date(now) };
const openState = () => azureTableStateStore(memoryTables(), clock).state;

beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  tableReads = stateCalls = 0;
  isStateAway = isTableAway = false;
  ended = [];
  beforeTable = () => undefined;
  redis = openState();
  store = azureTableRevocationStore(
    memoryTables((operation) => {
      if (isTableAway) throw new InfrastructureError('tables', 'test', undefined);
      if (operation.startsWith('page')) tableReads += 1;
      const act = beforeTable;
      beforeTable = () => undefined;
      act();
    }),
  );
});

/** One instance: every instance shares the tables and the state. */
function instance(): Revocations {
  const state = new Proxy(redis, {
    get: (_, name: keyof StateStore) => {
      stateCalls += 1;
      return isStateAway
        ? () => Promise.reject(new InfrastructureError('redis', 'test', undefined))
        : Reflect.get(redis, name);
    },
  });
  return createRevocations({
    store,
    state,
    clock,
    newId: randomId,
    endSignInsOf: (tenantId, userId) => {
      ended.push(`${tenantId} ${userId}`);
      return Promise.resolve();
    },
  });
}

const of = (subject: RevokedSubject, tenantId = 't1'): Revocation => ({
  id: revocationIdOf(subject),
  tenantId,
  subject,
  createdBy: 'admin',
  createdAt: '2026-01-01T00:00:00.000Z',
});

describe('a revocation', () => {
  test.each([
    ['its user', of({ user: 'u1' }), true],
    ['its client', of({ client: 'c1' }), true],
    ['another user', of({ user: 'u2' }), false],
    ['a client with the name of the user', of({ client: 'u1' }), false],
    ['a user with the name of the client', of({ user: 'c1' }), false],
    ['the same user of another tenant', of({ user: 'u1' }, 't2'), false],
  ])('stops %s: %o', async (_, revocation, isRevoked) => {
    await instance().add(revocation);
    const other = instance();
    expect([await other.isRevoked(actor), await other.isStored(actor)]).toEqual([isRevoked, isRevoked]);
  });

  test('stops work that asks while an earlier reading is under way, and all that asks then shares one reading', async () => {
    const reader = instance();
    const find = vi.spyOn(store, 'find');
    const subjects = 2;
    expect(await Promise.all([reader.isStored(actor), reader.isStored(actor)])).toEqual([false, false]);
    expect(find).toHaveBeenCalledTimes(subjects);
    const gate = Promise.withResolvers<undefined>();
    for (let n = 0; n < subjects; n++) find.mockReturnValueOnce(gate.promise);
    const early = reader.isStored(actor);
    await new Promise(setImmediate);
    await instance().add(of({ user: 'u1' }));
    const late = [reader.isStored(actor), reader.isStored(actor)];
    gate.resolve(undefined);
    expect([await early, ...(await Promise.all(late))]).toEqual([false, true, true]);
    expect(find).toHaveBeenCalledTimes(3 * subjects);
    find.mockRestore();
  });

  test('reaches an instance that knew of none, and its end too, within a second', async () => {
    const [writer, reader] = [instance(), instance()];
    expect(await reader.isRevoked(actor)).toBe(false);
    const { id } = await writer.add(of({ user: 'u1' }));
    now += 1_000;
    expect(await reader.isRevoked(actor)).toBe(true);
    expect(await writer.lift('t1', id)).toBe('removed');
    now += 1_000;
    expect(await reader.isRevoked(actor)).toBe(false);
    expect(await writer.lift('t1', id)).toBe('missing');
  });

  test('ends the sign-ins of its user, and those of a client have none', async () => {
    await instance().add(of({ user: 'u1' }));
    await instance().add(of({ client: 'c1' }));
    expect(ended).toEqual(['t1 u1']);
  });

  test('that was made before keeps who made it, and is announced again', async () => {
    const reader = instance();
    expect(await reader.isRevoked(actor)).toBe(false);
    isStateAway = true;
    await expect(instance().add(of({ user: 'u1' }))).rejects.toThrow(InfrastructureError);
    isStateAway = false;
    now += 1_000;
    const repeated = await instance().add({ ...of({ user: 'u1' }), createdBy: 'another' });
    expect([repeated.createdBy, ended]).toEqual(['admin', ['t1 u1']]);
    expect(await reader.isRevoked(actor)).toBe(true);
  });
});

describe('an instance', () => {
  test('asks the state once a second for a tenant, and the table only after a change', async () => {
    const reader = instance();
    await Promise.all(Array.from({ length: 100 }, async () => await reader.isRevoked(actor)));
    const first = stateCalls;
    now += 999;
    await reader.isRevoked(actor);
    expect([tableReads, stateCalls]).toEqual([1, first]);
    now += 1;
    await Promise.all(Array.from({ length: 100 }, async () => await reader.isRevoked(actor)));
    expect([tableReads, stateCalls]).toEqual([1, first + 1]);
  });

  test('reads the table each second while the state is away', async () => {
    const one = instance();
    isStateAway = true;
    expect(await one.isRevoked(actor)).toBe(false);
    await store.add(of({ user: 'u1' }));
    expect(await one.isRevoked(actor)).toBe(false);
    now += 1_000;
    expect(await one.isRevoked(actor)).toBe(true);
  });

  test('asks a state that was away again after five seconds', async () => {
    const one = instance();
    isStateAway = true;
    await one.isRevoked(actor);
    isStateAway = false;
    const calls = stateCalls;
    now += 4_999;
    await one.isRevoked(actor);
    expect(stateCalls).toBe(calls);
    now += 1_000;
    await one.isRevoked(actor);
    expect(stateCalls).toBeGreaterThan(calls);
  });

  test('keeps what it knows while the table is away and the state reports no change', async () => {
    const one = instance();
    await one.add(of({ user: 'u1' }));
    expect(await one.isRevoked(actor)).toBe(true);
    isTableAway = true;
    for (let minute = 0; minute < 5; minute++) {
      now += 61_000;
      expect(await one.isRevoked(actor)).toBe(true);
    }
  });

  test('does not know after a minute in which neither store answered, until one is back', async () => {
    const one = instance();
    expect(await one.isRevoked(actor)).toBe(false);
    isTableAway = isStateAway = true;
    now += 59_000;
    expect(await one.isRevoked(actor)).toBe(false);
    now += 6_000;
    await expect(one.isRevoked(actor)).rejects.toThrow(InfrastructureError);
    isTableAway = false;
    expect(await one.isRevoked(actor)).toBe(false);
  });

  test('that is new does not know without the table', async () => {
    isTableAway = true;
    await expect(instance().isRevoked(actor)).rejects.toThrow(InfrastructureError);
  });

  test('sees a revocation that was stored between its reading of the version and of the table', async () => {
    const [writer, reader] = [instance(), instance()];
    await reader.isRevoked({ ...actor, tenantId: 't2' });
    let writing: Promise<unknown> | undefined;
    // The table answers with what it had before the writer came.
    beforeTable = () => {
      writing = writer.add(of({ user: 'u1' }));
    };
    await reader.isRevoked(actor);
    await writing;
    now += 1_000;
    expect(await reader.isRevoked(actor)).toBe(true);
  });

  test.each(['before', 'after'])('sees a revocation although Redis lost its data %s it', async (when) => {
    const [writer, reader] = [instance(), instance()];
    await reader.isRevoked(actor);
    if (when === 'before') redis = openState();
    await writer.add(of({ user: 'u1' }));
    if (when === 'after') redis = openState();
    now += 1_000;
    expect(await reader.isRevoked(actor)).toBe(true);
  });

  test('reads the table each minute, also where a writer died before it announced its change', async () => {
    const reader = instance();
    await reader.isRevoked(actor);
    await store.add(of({ user: 'u1' }));
    for (let passed = 0; passed < 59_000; passed += 1_000) {
      now += 1_000;
      expect(await reader.isRevoked(actor)).toBe(false);
    }
    now += 1_000;
    expect(await reader.isRevoked(actor)).toBe(true);
  });

  test('knows more revocations than the table returns at once', async () => {
    for (let index = 0; index < 1_500; index += 1) await store.add(of({ user: `user-${index}` }));
    await store.add(of({ user: 'u1' }));
    expect(await instance().isRevoked(actor)).toBe(true);
    expect(tableReads).toBe(2);
  });

  test('whose clock was set back asks again', async () => {
    const reader = instance();
    await reader.isRevoked(actor);
    await instance().add(of({ user: 'u1' }));
    now -= 3_600_000;
    expect(await reader.isRevoked(actor)).toBe(true);
  });
});
