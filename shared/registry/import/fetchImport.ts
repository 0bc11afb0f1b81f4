import type { Clock } from '../../platform/base/clock.ts';
import { fetchJson } from '../../platform/outbound/fetchJson.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { readUrl } from '../../platform/base/readUrl.ts';
import { type Result, fail } from '../../platform/base/result.ts';
import { PAGE_ENTRIES, type ServerPage, fetchServerPage, readServerPage } from '../officialApi/serverPages.ts';
import { type Import, readImport } from './readImport.ts';

/** An MCP message is not larger either. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Some 2,000 servers: more than anyone means to register at once. */
const MAX_PAGES = 20;
/** Whoever asked for the import waits for it. */
const MAX_MS = 25_000;

export interface FetchImportDeps {
  readonly outbound: OutboundClient;
  readonly clock: Clock;
}

/**
 * Reads what `readImport` reads from a URL: of a document, of the list of a registry, or the base URL of a registry; of a
 * list all pages. Failures: `invalid` for an address that may not be called or that has nothing to import; `too_large`;
 * `timeout`; `unavailable`.
 */
export async function fetchImport(
  url: string,
  { outbound, clock }: FetchImportDeps,
): Promise<Result<Import>> {
  const end = clock.now().getTime() + MAX_MS;
  const from = (address: string) => ({
    url: address,
    timeoutMs: Math.max(1, end - clock.now().getTime()),
    maxBytes: MAX_BYTES,
  });
  const listAll = async (address: string, first: ServerPage): Promise<Result<Import>> => {
    const entries = [...first.entries];
    let { nextCursor } = first;
    for (let pages = 1; nextCursor !== undefined; pages++) {
      if (pages === MAX_PAGES) {
        return fail({ kind: 'too_large', message: `it lists servers on more than ${MAX_PAGES} pages` });
      }
      const page = await fetchServerPage(outbound, from(address), { cursor: nextCursor });
      if (!page.ok) return page;
      entries.push(...page.value.entries);
      ({ nextCursor } = page.value);
    }
    return readImport(entries);
  };

  const document = await fetchJson(outbound, from(url));
  if (document.ok) {
    const page = readServerPage(document.value);
    if (page.ok) return listAll(url, page.value);
    const read = await readImport(document.value);
    if (read.ok) return read;
  } else if (!readUrl(url)) return document;
  const list = listOf(url);
  const first = await fetchServerPage(outbound, from(list), {});
  if (first.ok) return listAll(list, first.value);
  return document.ok ? readImport(document.value) : document;
}

/** The list of a registry at its base URL: the latest version of each server is enough. */
function listOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}/v0.1/servers`;
  url.searchParams.set('limit', String(PAGE_ENTRIES));
  url.searchParams.set('version', 'latest');
  return url.href;
}
