import { odata } from '@azure/data-tables';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { succeed } from '../../platform/base/result.ts';
import {
  ANY_ETAG,
  type Change,
  type OpenTable,
  type Page,
  type Stored,
  type TableCodec,
} from '../../platform/tables/tables.ts';
import { withLatest } from './latest.ts';
import { type PublishedVersion, type Versions, publishedVersionSchema } from './publishedVersion.ts';
import { LATEST_ROWS, VERSION_ROWS, latestKey, versionKey, versionsOf } from './versionKeys.ts';
import type { VersionFilter, VersionStore } from './versionStore.ts';

const rowSchema = z.object({ kind: z.enum(['latest', 'version']), published: publishedVersionSchema });
type Row = z.infer<typeof rowSchema>;

const codec: TableCodec<Row> = {
  key: ({ kind, published: { tenantId, server } }) => ({
    partition: tenantId,
    row: kind === 'latest' ? latestKey(server.name) : versionKey(server.name, server.version),
  }),
  columns: ({ published: { status, server, updatedAt, upstream } }) => ({
    listed: status !== 'deleted',
    version: server.version,
    // Whoever follows this registry must learn of what it takes over, which changed elsewhere before.
    updatedAt: new Date(Math.max(Date.parse(updatedAt), Date.parse(upstream?.takenAt ?? updatedAt))),
  }),
  parse: (document) => rowSchema.parse(document),
};

/** Rows read at once where the table cannot judge them; it gives at most 1,000, and one more than asked for is read. */
const SCAN_ROWS = 999;
/** A search reads this often, then says where to go on: well within the time of a request. */
const MAX_SCANS = 12;

/**
 * Published versions on Azure Tables: a partition a tenant, with a row for every version and one more for each server that
 * holds a copy of its latest version. Every change replaces that one row, by its ETag, in the transaction that writes the
 * versions. So changes of one server come one after the other, and there is one latest version at any time.
 */
export function azureTableVersionStore(open: OpenTable): VersionStore {
  const table = open('serverVersions', codec);

  const allOf = async (tenantId: string, name: string): Promise<Versions> => {
    const found: PublishedVersion[] = [];
    for (let after: string | undefined; ;) {
      const page = await table.range(tenantId, versionsOf(name), '', SCAN_ROWS, after);
      found.push(...page.items.map(({ published }) => published));
      if (page.after === undefined) return found;
      after = page.after;
    }
  };

  return {
    find: async (tenantId, name, version) =>
      (await table.get({ partition: tenantId, row: versionKey(name, version) }))?.value.published,
    findLatest: async (tenantId, name) =>
      (await table.get({ partition: tenantId, row: latestKey(name) }))?.value.published,
    versionsOf: allOf,

    async list(tenantId, filter, limit, after) {
      const rows = filter.latestOnly ? LATEST_ROWS : VERSION_ROWS;
      const scans = filter.search !== undefined || filter.tags !== undefined;
      const found: Row[] = [];
      /** What was found, and the place in the order of names to go on after. */
      const pageUpTo = (place?: string): Page<PublishedVersion> => ({
        items: found.map(({ published }) => published),
        ...(place !== undefined && { after: place.slice(rows.length) }),
      });
      let position = after === undefined ? undefined : rows + after;
      for (let reads = 0; reads < MAX_SCANS; reads++) {
        const page = await table.range(
          tenantId,
          rows,
          columnFilter(filter),
          scans ? SCAN_ROWS : limit,
          position,
        );
        for (const row of page.items) {
          if (!matches(row.published, filter)) continue;
          if (found.length === limit) return pageUpTo(lastKey(found));
          found.push(row);
        }
        if (page.after === undefined) return pageUpTo();
        position = page.after;
        if (found.length === limit) break;
      }
      return pageUpTo(position);
    },

    async change(tenantId, name, decide) {
      for (;;) {
        const latest = await table.get({ partition: tenantId, row: latestKey(name) });
        const before = latest ? await allOf(tenantId, name) : [];
        const decided = decide(before);
        if (!decided.ok) return decided;
        const after = withLatest(decided.value);
        const { changes, isWhole } = transactionOf(latest, before, after);
        if (changes.length === 0) return succeed(after);
        if ((await table.commit(changes)) === 'committed' && isWhole) return succeed(after);
      }
    },
  };
}

const lastKey = (rows: readonly Row[]): string | undefined => {
  const last = rows.at(-1);
  return last && codec.key(last).row;
};

function columnFilter({ includeDeleted, version, updatedSince }: VersionFilter): string {
  return [
    !includeDeleted && odata`listed eq ${true}`,
    version !== undefined && odata`version eq ${version}`,
    updatedSince !== undefined && odata`updatedAt ge ${updatedSince}`,
  ]
    .filter((term) => term !== false)
    .join(' and ');
}

function matches({ server, tags }: PublishedVersion, filter: VersionFilter): boolean {
  const wanted = filter.search?.toLowerCase();
  return (
    (wanted === undefined ||
      [server.name, server.description].some((text) => text.toLowerCase().includes(wanted))) &&
    (filter.tags === undefined || filter.tags.some((tag) => tags.includes(tag)))
  );
}

/** A transaction takes 100 rows and 4 MiB; text outside of ASCII is sent as six bytes a code unit. */
const MAX_ROWS = 97;
const MAX_LENGTH = 600_000;

/**
 * What turns one state into the other. Where that is more than one transaction takes, a first part of it, which leaves
 * the latest version as it was or, where there is none yet, is the latest version alone.
 */
function transactionOf(
  latest: Stored<Row> | undefined,
  before: Versions,
  after: Versions,
): { readonly changes: readonly Change<Row>[]; readonly isWhole: boolean } {
  const earlier = new Map(before.map((version) => [version.server.version, version]));
  const changed = after.filter((version) => !isDeepStrictEqual(version, earlier.get(version.server.version)));
  const isOfLatest = (version: PublishedVersion) =>
    version.isLatest || earlier.get(version.server.version)?.isLatest === true;
  const isWhole = fitting(changed).length === changed.length;
  const part = latest
    ? fitting(changed.filter((version) => !isOfLatest(version)))
    : changed.filter(({ isLatest }) => isLatest);
  const written = isWhole ? changed : part;
  const newest = isWhole || !latest ? after.find(({ isLatest }) => isLatest) : latest.value.published;
  if (written.length === 0 || newest === undefined) return { changes: [], isWhole };
  const row: Row = { kind: 'latest', published: newest };
  return {
    changes: [
      latest ? { replace: row, etag: latest.etag } : { insert: row },
      ...written.map((version): Change<Row> => {
        const published: Row = { kind: 'version', published: version };
        // The latest row, replaced by its ETag beside it, says that nobody else has changed it.
        return earlier.has(version.server.version)
          ? { replace: published, etag: ANY_ETAG }
          : { insert: published };
      }),
    ],
    isWhole,
  };
}

/** As many from the front as one transaction takes. */
function fitting(versions: Versions): Versions {
  let length = 0;
  const end = versions.findIndex((version, index) => {
    length += JSON.stringify(version).length;
    return index >= MAX_ROWS || length > MAX_LENGTH;
  });
  return end < 0 ? versions : versions.slice(0, end);
}
