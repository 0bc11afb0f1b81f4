import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Agent, errors } from 'undici';
import type { DomainError } from '../base/errors.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { type AddressPolicy, checkOutboundUrl, isAllowedAddress } from '../security/addressRules.ts';
import { decodedBody, DecodingError } from './decodedBody.ts';
import { Exchange, headerOf, type OutboundResponse } from './exchange.ts';
import { IdleTimeout } from './outboundBody.ts';
import { MAX_REDIRECTS, REDIRECT_LINGER_MS, redirectTarget } from './redirectTarget.ts';

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal;
  /**
   * The content coding that the client accepts. The body is then as it came. Absent: none, and a coded body is decoded all the
   * same.
   */
  readonly acceptEncoding?: 'gzip' | 'identity';
  /** Whether a 307 or 308 to the same origin is followed. Absent: no redirect is. */
  readonly followsRedirects?: boolean;
}

/**
 * Sends every outbound HTTP request of the product. It rejects a URL that `checkOutboundUrl` rejects, and a name with even one
 * address that is not allowed. It connects to the address that it checked and keeps connections alive. Failures: `unavailable`
 * or `timeout` for a server that cannot be reached, `invalid` for an address that is not allowed. A redirect that is not
 * followed is a response.
 */
export interface OutboundClient {
  request(request: OutboundRequest): Promise<Result<OutboundResponse>>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/**
 * Time until the head of a response, and between two chunks of its body. It is longer than any call, because the caller and the
 * reader have shorter limits of their own.
 */
const SILENCE_TIMEOUT_MS = 240_000;
/** Many proxies close an idle connection after 60 seconds. */
const KEEP_ALIVE_MS = 55_000;

/** The connections that an instance opens to one origin. Further requests wait for a free connection. */
export const CONNECTIONS_PER_ORIGIN = 256;

/** Resolves a name to all its addresses, as `dns.lookup` does. */
export type Resolver = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export function openOutboundClient(policy: AddressPolicy, resolve: Resolver = lookup): OutboundClient {
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(policy, resolve) },
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connections: CONNECTIONS_PER_ORIGIN,
  });
  const targetOf = cachedTargets(policy);
  async function send(request: OutboundRequest, redirects = 0): Promise<Result<OutboundResponse>> {
    const { url, method, headers, body, signal, acceptEncoding } = request;
    const target = targetOf(url);
    if (!target.ok) return target;
    try {
      const sent = { ...headers, 'accept-encoding': acceptEncoding ?? 'identity' };
      const options = { ...target.value, method, headers: sent, body: body ?? null };
      const response = await new Promise<OutboundResponse>((answer, refuse) => {
        agent.dispatch(options, new Exchange(signal, answer, refuse));
      });
      const next = request.followsRedirects === true ? redirectTarget(response, url) : undefined;
      if (next !== undefined && redirects < MAX_REDIRECTS) {
        response.body.leave(REDIRECT_LINGER_MS);
        return await send({ ...request, url: next }, redirects + 1);
      }
      return succeed(acceptEncoding === undefined ? decoded(response) : response);
    } catch (error) {
      return fail(explain(error, signal));
    }
  }
  return {
    request: (request) => send(request),
    close: () => agent.close(),
  };
}

function decoded(response: OutboundResponse): OutboundResponse {
  const coding = headerOf(response, 'content-encoding');
  return coding === undefined ? response : { ...response, body: decodedBody(response.body, coding) };
}

interface Target {
  readonly origin: string;
  readonly path: string;
}

/** URLs whose check is cached. Most calls go to few URLs. */
const CACHED_TARGETS = 1_000;

/** Returns a check that caches allowed URLs. A URL is judged by its text alone; its addresses are judged with each connection. */
function cachedTargets(policy: AddressPolicy): (url: string) => Result<Target> {
  const allowed = new LRUCache<string, Result<Target>>({ max: CACHED_TARGETS });
  return (url) => {
    const cached = allowed.get(url);
    if (cached) return cached;
    const checked = checkOutboundUrl(url, policy);
    if (!checked.ok) return checked;
    const { origin, pathname, search } = checked.value;
    const target = succeed({ origin, path: pathname + search });
    allowed.set(url, target);
    return target;
  };
}

class AddressNotAllowed extends Error {}

/**
 * Checks every answer of the resolver before the socket connects to it, so no name can change between check and connection (DNS
 * rebinding).
 */
function guardedLookup(policy: AddressPolicy, resolve: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, []);
      } else if (!addresses.every(({ address }) => isAllowedAddress(address, policy))) {
        callback(new AddressNotAllowed(), []);
      } else {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      }
    });
  };
}

/** The codes of failures before a connection is open. */
const connectReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another name',
};
const reasons: Readonly<Record<string, string>> = {
  ...connectReasons,
  ECONNRESET: 'connection closed by the server',
  UND_ERR_SOCKET: 'connection closed by the server',
};

/** Messages of `unavailable` that mean that no connection came about. */
export const NO_CONNECTION: ReadonlySet<string> = new Set(Object.values(connectReasons));

/** The problem of a response that `DecodingError` is about. */
export const UNDECODABLE = 'its answer has a content encoding that the gateway cannot decode';

/** Returns the error that a caller gets for a failed exchange. Its message is from a closed list and never quotes the failure. */
export function explain(error: unknown, signal?: AbortSignal): DomainError {
  if (error instanceof AddressNotAllowed) {
    return { kind: 'invalid', message: 'its name resolves to a private or reserved address' };
  }
  if (
    signal?.aborted === true ||
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof IdleTimeout
  ) {
    return { kind: 'timeout', message: 'no answer in time' };
  }
  if (error instanceof DecodingError) return { kind: 'unavailable', message: UNDECODABLE };
  const faults = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const code = faults
    .map((fault) => (fault as { code?: string } | undefined)?.code)
    .find((found) => found !== undefined);
  return { kind: 'unavailable', message: reasons[code ?? ''] ?? 'connection failed' };
}
