import { z } from 'zod';
import { fetchJson } from '../platform/fetchJson.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import { type Result, fail, succeed } from '../platform/result.ts';

/** What the official API gives at most. */
export const PAGE_ENTRIES = 100;
/** A page of the largest entries that a registry takes, in letters of three bytes. */
export const MAX_PAGE_BYTES = 16 * 1024 * 1024;

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

/** `GET {baseUrl}/v0.1/servers` of the official API. Failures as `fetchJson` has them. */
export async function fetchServerPage(
  outbound: OutboundClient,
  baseUrl: string,
  query: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Result<ServerPage>> {
  const parameters = new URLSearchParams({ ...query, limit: String(PAGE_ENTRIES) });
  const url = `${baseUrl}/v0.1/servers?${parameters.toString()}`;
  const answer = await fetchJson(outbound, { url, timeoutMs, maxBytes: MAX_PAGE_BYTES });
  return answer.ok ? readServerPage(answer.value) : answer;
}
