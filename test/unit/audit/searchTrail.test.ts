import { expect, test } from 'vitest';
import { MAX_SEARCH_READS } from '../../../shared/audit/limits.ts';
import { createDigest, withHash } from '../../../shared/audit/model/hashChain.ts';
import { searchTrail } from '../../../shared/audit/model/searchTrail.ts';
import type { TrailStore } from '../../../shared/audit/model/trailStore.ts';

const record = withHash(
  {
    id: 'c-0',
    at: '2026-01-01T00:00:00.000Z',
    tenantId: 't',
    actor: 'alice',
    action: 'tools/call',
    resource: 'servers/a',
    decision: 'refused',
    outcome: 'forbidden',
    durationMs: 0,
    traceId: '',
    chain: 'c',
    seq: 0,
    previous: '',
  },
  createDigest(),
);
/** A store with one record that matches, after so many pages that are empty. */
const sparse = (pages: number): Pick<TrailStore, 'records'> => ({
  records: (_tenantId, _query, _limit, after = '0') =>
    Promise.resolve(
      Number(after) < pages
        ? { rows: [], after: String(Number(after) + 1) }
        : { rows: [{ key: 'k', document: record }] },
    ),
});

test('a search that finds nothing ends after its bound of reads, and its next page goes on from there', async () => {
  const store = sparse(MAX_SEARCH_READS + 3);
  const first = await searchTrail(store, 't', { decision: 'refused' }, 30);
  expect(first).toEqual({ items: [], after: String(MAX_SEARCH_READS) });
  const second = await searchTrail(store, 't', { decision: 'refused' }, 30, first.after);
  expect(second).toEqual({ items: [record] });
});

test('a page that is longer than the limit, since someone copied a row, ends the search', async () => {
  const row = { key: '1', document: record };
  const store: Pick<TrailStore, 'records'> = {
    records: () => Promise.resolve({ rows: [row, row], after: '1' }),
  };
  expect(await searchTrail(store, 't', {}, 1)).toEqual({ items: [record, record], after: '1' });
});

test('rows that hold no record are left out, and others take their place on the page', async () => {
  const rows = [
    { key: '1', document: 'garbled' },
    ...['2', '3', '4'].map((key) => ({ key, document: record })),
  ];
  const store: Pick<TrailStore, 'records'> = {
    records: (_tenantId, _query, limit, after = '0') => {
      const rest = rows.filter(({ key }) => key > after);
      const page = rest.slice(0, limit);
      return Promise.resolve({ rows: page, ...(rest.length > limit && { after: page.at(-1)?.key ?? '' }) });
    },
  };
  const first = await searchTrail(store, 't', {}, 2);
  expect(first).toEqual({ items: [record, record], after: '3' });
});
