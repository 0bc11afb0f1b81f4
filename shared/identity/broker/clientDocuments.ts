import { LRUCache } from 'lru-cache';
import type { Clock } from '../../platform/base/clock.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { headerOf, type OutboundResponse } from '../../platform/outbound/exchange.ts';
import { explain, type OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { addressBlockOf } from '../../platform/security/addressRules.ts';
import {
  CLIENT_DOCUMENT_TIMEOUT_MS,
  CLIENT_DOCUMENTS,
  DOCUMENT_FETCHES_A_MINUTE,
  DOCUMENT_FETCHES_OF_AN_ADDRESS,
  MAX_CLIENT_DOCUMENT_BYTES,
  MAX_DOCUMENT_AGE_MS,
} from '../limits.ts';
import type { OAuthClient, OAuthClients } from './client.ts';
import { checkDocumentUrl, readClientDocument } from './clientDocument.ts';
import { documentLifetimeMs, isJson } from './documentHeaders.ts';

interface Known {
  readonly client: OAuthClient;
  readonly fetchedAt: number;
  readonly freshUntil: number;
}

/**
 * Finds clients by the document at their id. A document is cached as long as its HTTP headers say, a day at most. While its server
 * gives no answer, the last document of that day is used; an answer that says otherwise always counts.
 */
export function createClientDocuments(deps: {
  readonly outbound: OutboundClient;
  readonly clock: Clock;
  /** Whether a document may be on this machine, over plain http. */
  readonly allowsLoopback: boolean;
}): OAuthClients {
  const { outbound, clock, allowsLoopback } = deps;
  const known = new LRUCache<string, Known>({ max: CLIENT_DOCUMENTS });
  const underWay = new Map<string, Promise<Result<OAuthClient>>>();
  const mayFetch = boundFetches(clock);

  async function fetched(clientId: string): Promise<Result<OAuthClient>> {
    const answer = await fetchDocument(outbound, clientId);
    if (!answer.ok) return answer;
    const client = readClientDocument(clientId, answer.value.bytes);
    if (client.ok) {
      const now = clock.now().getTime();
      known.set(clientId, {
        client: client.value,
        fetchedAt: now,
        freshUntil: now + answer.value.lifetimeMs,
      });
    }
    return client;
  }

  async function refreshed(clientId: string, last: Known | undefined): Promise<Result<OAuthClient>> {
    const found = await fetched(clientId);
    if (found.ok) return found;
    const isSilent = found.error.kind === 'unavailable' || found.error.kind === 'timeout';
    if (isSilent && last && clock.now().getTime() < last.fetchedAt + MAX_DOCUMENT_AGE_MS)
      return succeed(last.client);
    if (!isSilent) known.delete(clientId);
    return found;
  }

  return {
    async find(clientId, address) {
      const last = known.get(clientId);
      if (last && clock.now().getTime() < last.freshUntil) return succeed(last.client);
      const url = checkDocumentUrl(clientId, allowsLoopback);
      if (!url.ok) return url;
      const running = underWay.get(clientId);
      if (running) return running;
      if (!last && !mayFetch(url.value.host, address)) return tooMany;
      const fetching = refreshed(clientId, last).finally(() => underWay.delete(clientId));
      underWay.set(clientId, fetching);
      return fetching;
    },
  };
}

const tooMany = fail({
  kind: 'unavailable',
  message: 'too many new clients of this host have signed in within a minute: try again in a minute',
  retryAfterMs: 60_000,
});

/**
 * Returns a function that allows some fetches a minute for each host, so that strangers cannot send requests through the gateway. An
 * address gets a share of them, so that one stranger does not lock out the clients of a host.
 */
function boundFetches(clock: Clock): (host: string, address: string | undefined) => boolean {
  const windows = new LRUCache<string, { readonly endsAt: number; count: number }>({ max: CLIENT_DOCUMENTS });
  const isWithin = (name: string, limit: number): boolean => {
    const now = clock.now().getTime();
    const open = windows.get(name);
    const window = open && open.endsAt > now ? open : { endsAt: now + 60_000, count: 0 };
    windows.set(name, window);
    return ++window.count <= limit;
  };
  return (host, address) =>
    isWithin(`${host} ${addressBlockOf(address ?? '')}`, DOCUMENT_FETCHES_OF_AN_ADDRESS) &&
    isWithin(host, DOCUMENT_FETCHES_A_MINUTE);
}

interface Fetched {
  readonly bytes: Uint8Array;
  readonly lifetimeMs: number;
}

/** Fetches a document. It never follows a redirect. Failures hold nothing that the server sent. */
async function fetchDocument(outbound: OutboundClient, url: string): Promise<Result<Fetched>> {
  const signal = AbortSignal.timeout(CLIENT_DOCUMENT_TIMEOUT_MS);
  const headers = { accept: 'application/json', 'user-agent': 'mcp-registry-gateway' };
  const sent = await outbound.request({ method: 'GET', url, headers, signal });
  if (!sent.ok) return named(sent.error);
  const response = sent.value;
  const problem = headProblem(response);
  if (problem) {
    response.body.leave();
    return named(problem);
  }
  try {
    const bytes = await response.body.bytes(MAX_CLIENT_DOCUMENT_BYTES);
    return bytes
      ? succeed({ bytes, lifetimeMs: documentLifetimeMs(response) })
      : named({ kind: 'invalid', message: `it has more than ${MAX_CLIENT_DOCUMENT_BYTES} bytes` });
  } catch (error) {
    return named(explain(error, signal));
  }
}

/** Only 200 is a document. A busy or failing server says nothing about it. */
function headProblem(response: OutboundResponse): DomainError | undefined {
  const { statusCode } = response;
  if (statusCode >= 300 && statusCode < 400)
    return { kind: 'invalid', message: 'its server answered with a redirect, which is never followed' };
  if (statusCode >= 500 || statusCode === 429 || statusCode === 408)
    return { kind: 'unavailable', message: `its server answered HTTP ${statusCode}` };
  if (statusCode !== 200) return { kind: 'invalid', message: `its server answered HTTP ${statusCode}` };
  return isJson(headerOf(response, 'content-type'))
    ? undefined
    : { kind: 'invalid', message: 'its content type is not application/json' };
}

const named = (error: DomainError): Result<never> =>
  fail({ ...error, message: `the document of the client cannot be used: ${error.message}` });
