import * as z from 'zod';
import { type Result, succeed } from '../../../shared/platform/base/result.ts';
import type { VersionFilter } from '../../../shared/registry/versions/versionStore.ts';
import { readQuery } from '../paging.ts';

/** The official registry's limits for a page. */
const DEFAULT_LIMIT = 30;
const MAX_LIMIT = 100;

const includeDeleted = z.enum(['true', 'false'], { error: 'must be true or false' }).optional();

const listSchema = z.object({
  limit: z
    .string()
    .refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_LIMIT, {
      error: `must be a whole number from 1 to ${MAX_LIMIT}`,
    })
    .optional(),
  cursor: z
    .string()
    .refine((text) => readCursor(text) !== undefined, 'is not one that an earlier page gave')
    .optional(),
  search: z.string().max(200, 'must be at most 200 characters').optional(),
  updated_since: z.iso
    .datetime({ offset: true, error: 'must be a time by RFC 3339, such as 2025-08-07T13:15:04.280Z' })
    .optional(),
  version: z.string().max(255, 'must be at most 255 characters').optional(),
  include_deleted: includeDeleted,
});

export interface ListQuery {
  readonly filter: Omit<VersionFilter, 'tags'>;
  readonly limit: number;
  readonly after: string | undefined;
}

/** Reads the query of a list. It ignores empty values and unknown parameters. Failure: `invalid`. */
export function readListQuery(query: URLSearchParams): Result<ListQuery> {
  const read = readQuery(withoutEmpty(query), listSchema);
  if (!read.ok) return read;
  const { limit = DEFAULT_LIMIT, cursor = '', search, updated_since, version, include_deleted } = read.value;
  return succeed({
    filter: {
      latestOnly: version === 'latest',
      version: version === 'latest' ? undefined : version,
      // A client that follows changes must learn of deletions.
      includeDeleted: include_deleted === 'true' || updated_since !== undefined,
      updatedSince: updated_since === undefined ? undefined : new Date(updated_since),
      search,
    },
    limit: Number(limit),
    after: readCursor(cursor),
  });
}

/** Reads `include_deleted`. Failure: `invalid`. */
export function readIncludeDeleted(query: URLSearchParams): Result<boolean> {
  const read = readQuery(withoutEmpty(query), z.object({ include_deleted: includeDeleted }));
  return read.ok ? succeed(read.value.include_deleted === 'true') : read;
}

export const writeCursor = (after: string | undefined): string | undefined =>
  after === undefined ? undefined : Buffer.from(after).toString('base64url');

/** Returns the place in the order of names that a cursor encodes, or `undefined`. */
function readCursor(cursor: string): string | undefined {
  const place = Buffer.from(cursor, 'base64url').toString();
  return /^[\w.:=-]{1,510}$/.test(place) ? place : undefined;
}

const withoutEmpty = (query: URLSearchParams): URLSearchParams =>
  new URLSearchParams([...query].filter(([, value]) => value !== ''));
