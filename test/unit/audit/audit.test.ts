import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Audit, openAudit } from '../../../shared/audit/journal/audit.ts';
import { boundRefusals } from '../../../shared/audit/journal/boundRefusals.ts';
import { BLOCK_SPAN_MS, MAX_BATCH, MAX_WAITING, REFUSALS_A_MINUTE } from '../../../shared/audit/limits.ts';
import { createDigest } from '../../../shared/audit/model/hashChain.ts';
import type { AuditEvent } from '../../../shared/audit/model/record.ts';
import { recordOf } from '../../../shared/audit/model/trailStore.ts';
import { verifyTrail } from '../../../shared/audit/verify/verifyTrail.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { type RecordingLog, recordingLog } from '../../support/gateway.ts';
import { memoryTrail, type OpenTrail } from '../../support/memoryTrail.ts';

const event = (resource: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  tenantId: 't',
  actor: 'alice',
  action: 'tools/call',
  resource,
  decision: 'allowed',
  outcome: 'succeeded',
  durationMs: 1.6,
  traceId: '',
  ...more,
});

let trail: OpenTrail;
let log: RecordingLog;
let audit: Audit;
let away: boolean;
let operations: string[];
beforeEach(() => {
  vi.useFakeTimers();
  away = false;
  operations = [];
  trail = memoryTrail((operation) => {
    operations.push(operation);
    if (away) throw new InfrastructureError('tables', operation, undefined);
  });
  log = recordingLog();
  audit = openAudit({ store: trail.store, clock: systemClock, newId: randomId, log });
});
afterEach(() => {
  vi.useRealTimers();
});

const commits = () => operations.filter((operation) => operation === 'commit').length;
const records = async () =>
  (await trail.store.records('t', {}, 99_999)).rows
    .map((row) => recordOf(row, 't'))
    .filter((record) => record !== undefined)
    .toReversed();
const resources = async () => (await records()).map(({ resource }) => resource);
const expectSound = async (verified: number) => {
  const signal = new AbortController().signal;
  const found = await verifyTrail('t', {}, { store: trail.store, digest: createDigest(), signal });
  expect(found).toMatchObject({ verified });
  expect(found.firstBad).toBeUndefined();
};

describe('ordinary records', () => {
  test('are stored together, in order, within a second, with nothing done before the caller goes on', async () => {
    for (const name of ['a', 'b', 'c']) audit.append(event(name));
    expect(operations).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(commits()).toBe(1);
    expect(await resources()).toEqual(['a', 'b', 'c']);
    expect((await records())[0]?.durationMs).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(commits()).toBe(1);
  });

  test('that come without end are stored in full batches, each within a second', async () => {
    for (let index = 0; index < 980; index++) {
      audit.append(event(`r${index}`));
      if (index % 10 === 9) await vi.advanceTimersByTimeAsync(1);
    }
    expect(commits()).toBe(9);
    expect(await records()).toHaveLength(9 * MAX_BATCH);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(commits()).toBe(10);
    await expectSound(980);
  });

  test('are stored at once when they fill a batch, and when the process ends', async () => {
    for (let index = 0; index < MAX_BATCH; index++) audit.append(event(`r${index}`));
    await vi.advanceTimersByTimeAsync(0);
    expect(await resources()).toHaveLength(MAX_BATCH);
    audit.append(event('last'));
    await audit.flush();
    expect((await resources()).at(-1)).toBe('last');
  });

  test('wait for a store that is away, and come in order when it is back', async () => {
    away = true;
    audit.append(event('a'));
    await vi.advanceTimersByTimeAsync(1_000);
    for (let index = 0; index < 200; index++) audit.append(event(`r${index}`));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(log.lines.map(({ event }) => event)).toContain('audit_write_failed');
    expect(commits()).toBeLessThan(10);
    away = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await resources()).toEqual(['a', ...Array.from({ length: 200 }, (_, index) => `r${index}`)]);
    await expectSound(201);
  });

  test('that waited long for the store are stored in blocks of some seconds each', async () => {
    const sizes: number[] = [];
    const { store } = memoryTrail();
    const commit: typeof store.commit = (stored, segments) => {
      if (away) throw new InfrastructureError('tables', 'commit', undefined);
      sizes.push(stored.length);
      return store.commit(stored, segments);
    };
    const late = openAudit({ store: { ...store, commit }, clock: systemClock, newId: randomId, log });
    away = true;
    for (let index = 0; index < 60; index++) {
      late.append(event(`r${index}`));
      await vi.advanceTimersByTimeAsync(500);
    }
    away = false;
    await late.flush();
    // The first attempt had the first events, and is repeated unchanged.
    expect(sizes.reduce((sum, size) => sum + size)).toBe(60);
    expect(Math.max(...sizes)).toBe(BLOCK_SPAN_MS / 500 + 1);
  });

  test('that no longer fit are lost, which the log and the trail say', async () => {
    away = true;
    for (let index = 0; index < MAX_WAITING + 1; index++) audit.append(event(`r${index}`));
    await audit.flush();
    for (let index = 0; index < 500; index++) audit.append(event('late'));
    const overflow = log.lines.filter(({ event }) => event === 'audit_records_dropped');
    expect(overflow).toMatchObject([{ fields: { tenantId: 't' } }]);
    away = false;
    await vi.advanceTimersByTimeAsync(1_000);
    await audit.flush();
    const all = await records();
    const lost = all.find(({ action }) => action === 'audit.overflow');
    const kept = all.filter(({ resource }) => resource.startsWith('r') || resource === 'late').length;
    expect(kept + (lost?.count ?? 0)).toBe(MAX_WAITING + 501);
    expect(log.lines.at(-1)).toMatchObject({ event: 'audit_records_dropped', fields: { lost: lost?.count } });
    await expectSound(all.length);
  });

  test('of each tenant have a chain of their own', async () => {
    audit.append(event('a'));
    audit.append(event('b', { tenantId: 'u' }));
    await audit.flush();
    expect(await resources()).toEqual(['a']);
    expect((await trail.store.records('u', {}, 9)).rows).toHaveLength(1);
  });
});

describe('a privileged act', () => {
  const act = {
    tenantId: 't',
    actor: 'alice',
    action: 'servers.delete',
    resource: 'servers/a',
    traceId: 'x',
  };

  test('is stored before it may happen, and then what came of it', async () => {
    audit.append(event('before'));
    const begun = await audit.writeAhead(act);
    expect(await records()).toMatchObject([
      { resource: 'before' },
      { ...act, outcome: 'begun', durationMs: 0 },
    ]);
    vi.advanceTimersByTime(250);
    begun.end('not_found');
    await audit.flush();
    const [, first, second] = await records();
    expect(second).toMatchObject({ ...act, outcome: 'not_found', begunBy: first?.id, durationMs: 250 });
    await expectSound(3);
  });

  test('is refused when its record cannot be stored, and the trail says so later', async () => {
    away = true;
    await expect(audit.writeAhead(act)).rejects.toThrow(InfrastructureError);
    away = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await records()).at(-1)).toMatchObject({ ...act, outcome: 'abandoned' });
    await expectSound((await records()).length);
  });

  test('is refused while others wait for a store that is away, and leaves no record of a beginning', async () => {
    away = true;
    audit.append(event('a'));
    await audit.flush();
    await expect(audit.writeAhead(act)).rejects.toThrow(InfrastructureError);
    away = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await records()).map(({ outcome }) => outcome)).toEqual(['succeeded', 'abandoned']);
  });

  test('is refused when too much waits already', async () => {
    away = true;
    for (let index = 0; index < MAX_WAITING + 200; index++) audit.append(event('x'));
    await expect(audit.writeAhead(act)).rejects.toThrow(InfrastructureError);
  });
});

describe('refusals', () => {
  const refusal = (more: Partial<AuditEvent> = {}) =>
    event('expired', { action: 'sign_in', decision: 'refused', outcome: 'unauthenticated', ...more });
  let recorded: AuditEvent[];
  let record: (refusal: AuditEvent) => void;
  beforeEach(() => {
    recorded = [];
    record = boundRefusals({ append: (one) => void recorded.push(one) }, systemClock);
  });

  test('are recorded each by itself up to a number a minute, and the rest of that minute as one', async () => {
    for (let index = 0; index < 1_000; index++) record(refusal({ actor: `u${index}`, actorName: 'U' }));
    expect(recorded).toHaveLength(REFUSALS_A_MINUTE);
    expect(recorded.every(({ count }) => count === undefined)).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(recorded).toHaveLength(REFUSALS_A_MINUTE + 1);
    expect(recorded.at(-1)).toMatchObject({ actor: 'various', count: 1_000 - REFUSALS_A_MINUTE });
    expect(recorded.at(-1)?.actorName).toBeUndefined();
    record(refusal({ actor: 'next' }));
    expect(recorded.at(-1)?.actor).toBe('next');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(recorded).toHaveLength(REFUSALS_A_MINUTE + 2);
  });

  test('of one reason do not hide those of another, nor those of another tenant', () => {
    for (let index = 0; index < 50; index++) record(refusal());
    record(refusal({ resource: 'bad_signature' }));
    record(refusal({ tenantId: 'u' }));
    expect(recorded.slice(-2)).toMatchObject([{ resource: 'bad_signature' }, { tenantId: 'u' }]);
  });
});
