import { z } from 'zod';
import { idSchema } from '../../shared/platform/base/ids.ts';
import { invalid, invalidBySchema, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { Page } from '../../shared/platform/tables/tables.ts';
import type { Answer } from '../http/route.ts';

const limitSchema = z.coerce.number().int().min(1).max(100);
const DEFAULT_LIMIT = 30;
/** A cursor names the last row of a page, whose key is an id. */
const cursorSchema = z
  .base64url()
  .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
  .pipe(idSchema);

/** Answers a list: `limit` and `cursor` from the query, `{items, nextCursor?}` in the body. */
export async function readPage<T>(
  query: URLSearchParams,
  read: (limit: number, after: string | undefined) => Promise<Page<T>>,
  view: (item: T) => object,
): Promise<Result<Answer>> {
  const limit = limitSchema.safeParse(query.get('limit') ?? DEFAULT_LIMIT);
  if (!limit.success) return invalid('limit', 'must be a whole number from 1 to 100');
  const cursor = cursorSchema.optional().safeParse(query.get('cursor') ?? undefined);
  if (!cursor.success) return invalid('cursor', 'is not one that an earlier page gave');
  const { items, after } = await read(limit.data, cursor.data);
  const nextCursor = after === undefined ? undefined : Buffer.from(after).toString('base64url');
  return succeed({ status: 200, body: { items: items.map(view), nextCursor } });
}

/** The query parameters that the schema names. Failure: `invalid`, with a problem for each that is wrong. */
export function readQuery<T>(query: URLSearchParams, schema: z.ZodType<T>): Result<T> {
  const parsed = schema.safeParse(Object.fromEntries(query));
  if (parsed.success) return succeed(parsed.data);
  return invalidBySchema(parsed.error, 'the query');
}
