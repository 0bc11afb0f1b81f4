import { describe, expect, test } from 'vitest';
import {
  type ActiveSync,
  afterFailure,
  afterPage,
  beginRun,
  NO_FIGURES,
  type RegistrySync,
  registrySyncSchema,
} from '../../../../shared/registry/sync/registrySync.ts';

const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000);
const key = { tenantId: 't', upstream: 'hash' };
const figures = { published: 2, updated: 1, unchanged: 3, skipped: 4 };

const begun = (before?: RegistrySync, minutes = 0): ActiveSync => beginRun(before, key, at(minutes));
/** A sync that has pages yet to read. */
const paged = (sync: ActiveSync, cursor: string, minutes = 1): ActiveSync => {
  const next = afterPage(sync, cursor, figures, at(minutes));
  if (next.pass === undefined) throw new Error('the pass has ended');
  return { ...next, pass: next.pass };
};

test('a first run reads everything', () => {
  const sync = begun();
  expect(sync).toMatchObject({ pass: { pages: 0 }, run: { state: 'unfinished', pages: 0, ...NO_FIGURES } });
  expect(sync).not.toHaveProperty('since');
});

test('a page adds to the figures and says where to go on', () => {
  const sync = paged(paged(begun(), 'a'), 'b', 2);
  expect(sync).toMatchObject({
    pass: { cursor: 'b', pages: 2 },
    run: { state: 'unfinished', pages: 2, published: 4, skipped: 8, updatedAt: at(2).toISOString() },
  });
});

test('the last page ends the pass, and the next one looks back to before this one began', () => {
  const ended = afterPage(paged(begun(undefined, 60), 'a', 61), undefined, figures, at(90));
  expect(ended).toMatchObject({ since: at(50).toISOString(), run: { state: 'succeeded', pages: 2 } });
  expect(ended).not.toHaveProperty('pass');
  expect(begun(ended, 120)).toMatchObject({
    since: at(50).toISOString(),
    pass: { startedAt: at(120).toISOString() },
    run: { pages: 0 },
  });
});

test('a run goes on with the pass that an earlier one left, and the moment is that of the pass', () => {
  const left = paged(begun(), 'a');
  const resumed = begun(left, 600);
  expect(resumed).toMatchObject({ pass: left.pass, run: { pages: 0, startedAt: at(600).toISOString() } });
  expect(afterPage(resumed, undefined, figures, at(601)).since).toBe(at(-10).toISOString());
});

test('another registry is begun from nothing', () => {
  const left = paged(begun(afterPage(begun(), undefined, figures, at(1)), 5), 'a');
  const other = beginRun(left, { ...key, upstream: 'other' }, at(10));
  expect(other.pass).not.toHaveProperty('cursor');
  expect(other).not.toHaveProperty('since');
});

describe('a page that could not be read', () => {
  const left = paged(begun(), 'a');

  test('is asked for again by the next run', () => {
    const failed = afterFailure(left, { kind: 'unavailable', message: 'it answered HTTP 500' }, at(2));
    expect(failed).toMatchObject({
      pass: left.pass,
      run: { state: 'failed', error: { kind: 'unavailable', message: 'it answered HTTP 500' } },
    });
    expect(begun(failed, 3).run).not.toHaveProperty('error');
  });

  test('and that the registry refuses to give begins the pass anew', () => {
    const failed = afterFailure(left, { kind: 'invalid', message: 'it answered HTTP 400' }, at(2));
    expect(failed).not.toHaveProperty('pass');
    expect(begun(failed, 3).pass).toEqual({ startedAt: at(3).toISOString(), pages: 0 });
  });
});

test('a pass of more pages than any registry has is given up, by however many runs', () => {
  let sync: RegistrySync = begun();
  let pages = 0;
  while (sync.run.state !== 'failed' && pages < 20_000) {
    sync = afterPage(begun(sync), `c${pages++}`, NO_FIGURES, at(1));
  }
  expect(pages).toBe(10_000);
  expect(sync.run).toMatchObject({ state: 'failed', error: { kind: 'unavailable' } });
});

test('what is kept can be read again', () => {
  const kept = afterFailure(paged(begun(), 'a'), { kind: 'timeout', message: 'no answer in time' }, at(2));
  expect(registrySyncSchema.parse(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
});
