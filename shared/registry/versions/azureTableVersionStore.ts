import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { succeed } from '../../platform/base/result.ts';
import { odata } from '../../platform/tables/odata.ts';
import {
  ANY_ETAG,
  type Change,
  type OpenTable,
  type Page,
  type Stored,
  type TableCodec,
} from '../../platform/tables/tables.ts';
import {
  MAX_CHANGED_LENGTH,
  MAX_CHANGED_ROWS,
  MAX_VERSION_KEY_LENGTH,
  MAX_VERSION_SCANS,
  VERSION_SCAN_ROWS,
} from '../limits.ts';
import { withLatest } from './latest.ts';
import { type PublishedVersion, publishedVersionSchema, type Versions } from './publishedVersion.ts';
import type { VersionFilter, VersionStore } from './versionStore.ts';

/** Prefixes of row keys: of the latest version of each server, and of every version. */
const LATEST_ROWS = 'l:';
const VERSION_ROWS = 'v:';

/** A name has one slash and no colon, so no two names have the same key. */
const nameKey = (name: string): string => name.replace('/', ':');

/** Encodes any text in letters, digits and `- _ . =`. No two texts have the same result. */
function versionKeyPart(version: string): string {
  const encoded = encodeURIComponent(version)
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%', '=');
  // In an encoded version hexadecimal digits follow each `=`, so `=h` marks a hash.
  return encoded.length <= MAX_VERSION_KEY_LENGTH
    ? encoded
    : `=h${createHash('sha256').update(version).digest('hex')}`;
}

export const latestKey = (name: string): string => LATEST_ROWS + nameKey(name);
/** Returns the prefix of the keys of all versions of one server. */
export const versionsOf = (name: string): string => `${VERSION_ROWS}${nameKey(name)}:`;
export const versionKey = (name: string, version: string): string =>
  versionsOf(name) + versionKeyPart(version);

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
    // An imported version changed elsewhere earlier. Registries that follow this one must learn of it too.
    updatedAt: new Date(Math.max(Date.parse(updatedAt), Date.parse(upstream?.takenAt ?? updatedAt))),
  }),
  parse: (document) => rowSchema.parse(document),
};

/**
 * Stores published versions in Azure Tables: one partition per tenant, one row per version, and one row per server with a copy of
 * its latest version. Every change replaces that last row, by its ETag, in the transaction that writes the versions. So changes
 * of one server are serialised, and each server has one latest version at any time.
 */
export function azureTableVersionStore(open: OpenTable): VersionStore {
  const table = open('serverVersions', codec);

  const allOf = async (tenantId: string, name: string): Promise<Versions> => {
    const found: PublishedVersion[] = [];
    for (let after: string | undefined; ;) {
      const page = await table.range(tenantId, versionsOf(name), '', VERSION_SCAN_ROWS, after);
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
      /** Returns what was found, and the place in the order of names after which to continue. */
      const pageUpTo = (place?: string): Page<PublishedVersion> => ({
        items: found.map(({ published }) => published),
        ...(place !== undefined && { after: place.slice(rows.length) }),
      });
      let position = after === undefined ? undefined : rows + after;
      for (let reads = 0; reads < MAX_VERSION_SCANS; reads++) {
        const page = await table.range(
          tenantId,
          rows,
          columnFilter(filter),
          scans ? VERSION_SCAN_ROWS : limit,
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

/**
 * Returns the changes from one state to the other. If they exceed one transaction, it returns a first part: without the latest
 * version or, for a new server, the latest version alone.
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
        // The row of the latest version, replaced by its ETag in the same transaction, guards this one.
        return earlier.has(version.server.version)
          ? { replace: published, etag: ANY_ETAG }
          : { insert: published };
      }),
    ],
    isWhole,
  };
}

/** Returns the first versions, as many as one transaction takes. */
function fitting(versions: Versions): Versions {
  let length = 0;
  const end = versions.findIndex((version, index) => {
    length += JSON.stringify(version).length;
    return index >= MAX_CHANGED_ROWS || length > MAX_CHANGED_LENGTH;
  });
  return end < 0 ? versions : versions.slice(0, end);
}
