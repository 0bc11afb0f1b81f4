import type { Clock } from '../../platform/base/clock.ts';
import { readUrl } from '../../platform/base/readUrl.ts';
import { fail, type Result } from '../../platform/base/result.ts';
import { fetchBytes, type JsonSource } from '../../platform/outbound/fetchJson.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { IMPORT_TIMEOUT_MS, MAX_IMPORT_BYTES, MAX_IMPORT_PAGES, PAGE_ENTRIES } from '../limits.ts';
import { fetchServerPage, readServerPage, type ServerPage } from '../officialApi/serverPages.ts';
import { hideUrlSecrets } from '../secrets/urlSecrets.ts';
import { parseDocument } from './documentText.ts';
import { type Import, readImport } from './readImport.ts';

export interface FetchImportDeps {
  readonly outbound: OutboundClient;
  readonly clock: Clock;
}

/**
 * Fetches what `readImport` reads. The URL is that of a document, of the list of a registry, or the base URL of a registry; of a
 * list it fetches all pages. Failures: `invalid` for an address that the gateway may not call or that has nothing to import;
 * `too_large`; `timeout`; `unavailable`. They name the URL without its secrets.
 */
export async function fetchImport(url: string, deps: FetchImportDeps): Promise<Result<Import>> {
  const read = await fetchAll(url, deps);
  const shown = readUrl(url);
  // All of an address without a host, such as `data:…`, may be a secret.
  if (read.ok || !shown?.host) return read;
  Object.assign(shown, { username: '', password: '', search: '', hash: '' });
  const message = `${hideUrlSecrets(shown.href)} cannot be imported: ${read.error.message}`;
  return fail({ ...read.error, message });
}

async function fetchAll(url: string, { outbound, clock }: FetchImportDeps): Promise<Result<Import>> {
  const end = clock.now().getTime() + IMPORT_TIMEOUT_MS;
  const from = (address: string) => ({
    url: address,
    timeoutMs: Math.max(1, end - clock.now().getTime()),
    maxBytes: MAX_IMPORT_BYTES,
  });
  const listAll = async (address: string, first: ServerPage): Promise<Result<Import>> => {
    const entries = [...first.entries];
    let { nextCursor } = first;
    for (let pages = 1; nextCursor !== undefined; pages++) {
      if (pages === MAX_IMPORT_PAGES) {
        return fail({
          kind: 'too_large',
          message: `it lists servers on more than ${MAX_IMPORT_PAGES} pages`,
        });
      }
      const page = await fetchServerPage(outbound, from(address), { cursor: nextCursor });
      if (!page.ok) return page;
      entries.push(...page.value.entries);
      ({ nextCursor } = page.value);
    }
    return readImport(entries);
  };

  const document = await fetchDocument(outbound, from(url));
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

async function fetchDocument(outbound: OutboundClient, source: JsonSource): Promise<Result<unknown>> {
  const bytes = await fetchBytes(outbound, source);
  if (!bytes.ok) return bytes;
  const document = parseDocument(bytes.value);
  return document.ok
    ? document
    : fail({ kind: 'unavailable', message: `it answered, but ${document.error.message}` });
}

/** Returns the URL of the list of a registry, limited to the latest version of each server. */
function listOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}/v0.1/servers`;
  url.searchParams.set('limit', String(PAGE_ENTRIES));
  url.searchParams.set('version', 'latest');
  return url.href;
}
