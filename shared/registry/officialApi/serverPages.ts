import * as z from 'zod';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { fetchJson, type JsonSource } from '../../platform/outbound/fetchJson.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { MAX_CURSOR_LENGTH, MAX_PAGE_ENTRIES } from '../limits.ts';

/** Some registries write an empty list as null. */
const pageSchema = z.object({
  servers: z.array(z.unknown()).max(MAX_PAGE_ENTRIES).nullable(),
  metadata: z.object({ nextCursor: z.string().max(MAX_CURSOR_LENGTH).nullish() }).nullish(),
});

/** A page of another registry's list. Its entries are not validated yet. */
export interface ServerPage {
  readonly entries: readonly unknown[];
  /** The cursor of the next page; absent on the last page. */
  readonly nextCursor?: string;
}

/** Reads a ServerList of the official API. Failure: `unavailable`. */
export function readServerPage(document: unknown): Result<ServerPage> {
  const page = pageSchema.safeParse(document);
  if (!page.success) {
    return fail({ kind: 'unavailable', message: 'its answer is not a list of servers' });
  }
  const nextCursor = page.data.metadata?.nextCursor ?? '';
  return succeed({ entries: page.data.servers ?? [], ...(nextCursor !== '' && { nextCursor }) });
}

/** Fetches a page of `GET /servers` of the official API. `url` is the full URL of the list. Failures: those of `fetchJson`. */
export async function fetchServerPage(
  outbound: OutboundClient,
  { url, ...bounds }: JsonSource,
  query: Readonly<Record<string, string>>,
): Promise<Result<ServerPage>> {
  const list = new URL(url);
  for (const [name, value] of Object.entries(query)) list.searchParams.set(name, value);
  const answer = await fetchJson(outbound, { ...bounds, url: list.href });
  return answer.ok ? readServerPage(answer.value) : answer;
}
