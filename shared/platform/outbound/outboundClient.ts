import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, errors } from 'undici';
import { type AddressPolicy, checkOutboundUrl, isAllowedAddress } from '../security/addressRules.ts';
import type { DomainError } from '../base/errors.ts';
import { IdleTimeout } from './outboundBody.ts';
import { Exchange, type OutboundResponse } from './exchange.ts';
import { type Result, fail, succeed } from '../base/result.ts';

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** What the answer may be encoded as; not at all when absent. The body is given as it comes, and never decoded. */
  readonly acceptEncoding?: 'gzip';
}

/**
 * The one way out of the house. Refuses what `checkOutboundUrl` refuses and any name of which even one address is not
 * allowed; connects to the address it judged; follows no redirect; asks for no content encoding unless told to; keeps connections alive.
 * A server that cannot be reached is a failure `unavailable` or `timeout`, a refused address `invalid`.
 */
export interface OutboundClient {
  request(request: OutboundRequest): Promise<Result<OutboundResponse>>;
  close(): Promise<void>;
}

/** A stream may be silent while a person thinks; whoever reads one has a limit of their own. */
const timeouts = { connectMs: 5_000, firstByteMs: 60_000, idleMs: 240_000, keepAliveMs: 55_000 };

/** Connections that an instance opens to one origin; a request that finds none free waits. */
export const CONNECTIONS_PER_ORIGIN = 256;

/** Finds all addresses of a name; `dns.lookup` is one. */
export type Resolver = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export function openOutboundClient(policy: AddressPolicy, resolve: Resolver = lookup): OutboundClient {
  const agent = new Agent({
    connect: { timeout: timeouts.connectMs, lookup: guardedLookup(policy, resolve) },
    headersTimeout: timeouts.firstByteMs,
    bodyTimeout: timeouts.idleMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connections: CONNECTIONS_PER_ORIGIN,
  });
  const targetOf = rememberingTargets(policy);
  return {
    async request({ url, method, headers, body, signal, acceptEncoding = 'identity' }) {
      const target = targetOf(url);
      if (!target.ok) return target;
      try {
        const exchange = new Exchange(signal);
        const sent = { ...headers, 'accept-encoding': acceptEncoding };
        agent.dispatch({ ...target.value, method, headers: sent, body: body ?? null }, exchange);
        return succeed(await exchange.response);
      } catch (error) {
        return fail(explain(error, signal));
      }
    },
    close: () => agent.close(),
  };
}

interface Target {
  readonly origin: string;
  readonly path: string;
}

/** Most calls go to few URLs again and again. */
const REMEMBERED_TARGETS = 1_000;

/** What was found allowed is remembered: a URL is judged by its text alone, and its addresses with each connection. */
function rememberingTargets(policy: AddressPolicy): (url: string) => Result<Target> {
  const known = new Map<string, Result<Target>>();
  return (url) => {
    const found = known.get(url);
    if (found) return found;
    const checked = checkOutboundUrl(url, policy);
    if (!checked.ok) return checked;
    const { origin, pathname, search } = checked.value;
    const target = succeed({ origin, path: pathname + search });
    known.set(url, target);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED_TARGETS && oldest !== undefined) known.delete(oldest);
    return target;
  };
}

class RefusedAddress extends Error {}

/** Judges every answer of the resolver before the socket is made, so that a name cannot change its mind between check and connect. */
function guardedLookup(policy: AddressPolicy, resolve: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, []);
      } else if (!addresses.every(({ address }) => isAllowedAddress(address, policy))) {
        callback(new RefusedAddress(), []);
      } else {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      }
    });
  };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed by the server',
  UND_ERR_SOCKET: 'connection closed by the server',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another name',
};

/** A failed exchange in words for callers: from a closed list, never the text of the fault. */
export function explain(error: unknown, signal?: AbortSignal): DomainError {
  if (error instanceof RefusedAddress) {
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
  const faults = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const code = faults
    .map((fault) => (fault as { code?: string } | undefined)?.code)
    .find((found) => found !== undefined);
  return { kind: 'unavailable', message: reasons[code ?? ''] ?? 'connection failed' };
}
