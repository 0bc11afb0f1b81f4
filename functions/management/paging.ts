import * as z from 'zod';
import { derivedId, isId } from '../../shared/platform/base/ids.ts';
import { invalid, invalidBySchema, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { Page } from '../../shared/platform/tables/tables.ts';
import type { Answer } from '../http/route.ts';

/** The query parameters of every list. */
export const pageParameters = ['limit', 'cursor'] as const;

/** The time span of a list whose order is that of time: the first and the last time, both included. */
const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
export const spanShape = { from: moment.optional(), to: moment.optional() };

const limitSchema = z.coerce.number().int().min(1).max(100);
const DEFAULT_LIMIT = 30;
/** A cursor names the query that it belongs to, and the last row of a page, whose key is an id. */
const cursorSchema = z
  .base64url()
  .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
  .refine((text) => isId(text) && text.length > QUERY_DIGITS);
const QUERY_DIGITS = 8;

/** Returns digits that differ for other lists and filters. A page may have another length than the one before. */
function digitsOf(list: string, query: URLSearchParams): string {
  const filters = [...query].filter(([name]) => name !== 'limit' && name !== 'cursor').sort();
  return derivedId([list, filters]).slice(0, QUERY_DIGITS);
}

/**
 * Answers a list: `limit` and `cursor` from the query, `{items, nextCursor?}` in the body. A cursor is valid for the list
 * and the filters that it was given for.
 */
export async function readPage<T>(
  list: string,
  query: URLSearchParams,
  read: (limit: number, after: string | undefined) => Promise<Page<T>>,
  view: (item: T) => object,
): Promise<Result<Answer>> {
  const limit = limitSchema.safeParse(query.get('limit') ?? DEFAULT_LIMIT);
  if (!limit.success) return invalid('limit', 'must be a whole number from 1 to 100');
  const cursor = cursorSchema.optional().safeParse(query.get('cursor') ?? undefined);
  if (!cursor.success) return invalid('cursor', 'is not one that an earlier page gave');
  const digits = digitsOf(list, query);
  if (cursor.data !== undefined && !cursor.data.startsWith(digits))
    return invalid(
      'cursor',
      'is of another list or of other filters: repeat the filters, or begin without a cursor',
    );
  const { items, after } = await read(limit.data, cursor.data?.slice(QUERY_DIGITS));
  const nextCursor = after === undefined ? undefined : Buffer.from(digits + after).toString('base64url');
  return succeed({ status: 200, body: { items: items.map(view), nextCursor } });
}

/** The query parameters that the schema names. Failure: `invalid`, with a problem for each that is wrong. */
export function readQuery<T>(query: URLSearchParams, schema: z.ZodType<T>): Result<T> {
  const parsed = schema.safeParse(Object.fromEntries(query));
  if (parsed.success) return succeed(parsed.data);
  return invalidBySchema(parsed.error, 'the query');
}
