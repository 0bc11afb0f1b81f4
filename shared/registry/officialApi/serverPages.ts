import { z } from 'zod';
import { type JsonSource, fetchJson } from '../../platform/outbound/fetchJson.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';

/** What the official API gives at most at once. */
export const PAGE_ENTRIES = 100;

/** A registry may give more than it was asked for, but whoever sends a thousand floods. Some write an empty list as null. */
const pageSchema = z.object({
  servers: z
    .array(z.unknown())
    .max(10 * PAGE_ENTRIES)
    .nullable(),
  metadata: z.object({ nextCursor: z.string().max(2048).nullish() }).nullish(),
});

/** A page of another registry's list. What its entries are is yet to be judged, one by one. */
export interface ServerPage {
  readonly entries: readonly unknown[];
  /** Where to go on; absent on the last page. */
  readonly nextCursor?: string;
}

/** A ServerList of the official API. Failure: `unavailable`. */
export function readServerPage(document: unknown): Result<ServerPage> {
  const page = pageSchema.safeParse(document);
  if (!page.success) {
    return fail({ kind: 'unavailable', message: 'it answered with something that is no list of servers' });
  }
  const nextCursor = page.data.metadata?.nextCursor ?? '';
  return succeed({ entries: page.data.servers ?? [], ...(nextCursor !== '' && { nextCursor }) });
}

/** `GET /servers` of the official API, at the whole URL of it. Failures as `fetchJson` has them. */
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
