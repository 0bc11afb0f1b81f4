import { CONNECTIONS_PER_ORIGIN } from '../../platform/outbound/outboundClient.ts';
import { type TenantPlaces, createTenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import type { Answer, AnswerItem } from './answer.ts';
import { type Connection, TIME_OVER, type UpstreamCall } from './connection.ts';
import { type FaultKind, UpstreamFault } from './fault.ts';
import type { Named, Resting } from './circuitBreaker.ts';

/** What is told of a server, and how often it is tried. */
type Guarded = Named & Pick<UpstreamTarget, 'upstream'>;

/**
 * Protects the gateway from one server's trouble, and a server from one tenant that takes all of its connections. `tenantId`
 * is the tenant that calls, whichever tenant registered the server.
 */
export interface Guard {
  /** The same connection, behind the guard. */
  around(connection: Connection, tenantId: string, server: Guarded): Connection;
  /** Takes a place among the open streams of a server, to be given back. @throws UpstreamFault when all are taken */
  takeStream(tenantId: string, server: Named & { readonly discovery: Pick<Discovery, 'era'> }): () => void;
}

/**
 * Calls and listening streams of one tenant that an instance has open to one server at once. All servers of an origin share
 * its connections, and a tenant holds at most its share of those (`tenantShare`).
 */
const MAX_CALLS = 128;
const MAX_STREAMS = 64;
/** Failures in a row after which a server is left alone. */
const FAILURES = 5;
/** Faults that tell of the server rather than of one call. */
const tellOfServer: ReadonlySet<FaultKind> = new Set(['unreachable', 'timeout', 'closed', 'http_status']);
/** Requests that change nothing: one that met a broken connection may be sent again. */
const harmless: ReadonlySet<string> = new Set([
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

export function createGuard(resting: Resting, tenants: number): Guard {
  // Counted for each tenant by itself, so its share is all of them.
  const calls = createTenantPlaces(MAX_CALLS, 1);
  const streams = createTenantPlaces(MAX_STREAMS, 1);
  const connections = createTenantPlaces(CONNECTIONS_PER_ORIGIN, tenants);
  const origins = new WeakMap<Named, string>();
  const failures = new Map<string, number>();

  function takePlace(places: TenantPlaces, what: string, tenantId: string, server: Named): () => void {
    const taken = places.take(tenantId, keyOf(tenantId, server));
    if (taken.kind === 'taken') return taken.leave;
    throw new UpstreamFault('busy', `has ${taken.atMost} ${what} open already`);
  }

  function takeConnection(tenantId: string, server: Named): () => void {
    let origin = origins.get(server);
    if (origin === undefined) origins.set(server, (origin = new URL(server.url).origin));
    const taken = connections.take(tenantId, origin);
    if (taken.kind === 'taken') return taken.leave;
    const all = `${CONNECTIONS_PER_ORIGIN} connections`;
    throw new UpstreamFault(
      'busy',
      taken.kind === 'full'
        ? `has all ${all} to its origin in use`
        : `has ${taken.atMost} of the ${all} to its origin in use for your tenant, which is the tenant's share`,
    );
  }

  /** Takes a place and a connection, or neither. */
  function takeBoth(places: TenantPlaces, what: string, tenantId: string, server: Named): () => void {
    const leavePlace = takePlace(places, what, tenantId, server);
    try {
      const leaveConnection = takeConnection(tenantId, server);
      return () => {
        leavePlace();
        leaveConnection();
      };
    } catch (error) {
      leavePlace();
      throw error;
    }
  }

  return {
    takeStream(tenantId, server) {
      // In the modern era a stream is a call, which takes the connection.
      return server.discovery.era === 'modern'
        ? takePlace(streams, 'streams', tenantId, server)
        : takeBoth(streams, 'streams', tenantId, server);
    },
    around(connection, tenantId, server) {
      const key = keyOf(tenantId, server);
      const judge = (error: unknown, signal: AbortSignal): void => {
        const isGivenUp = signal.aborted && signal.reason !== TIME_OVER;
        if (!(error instanceof UpstreamFault) || !tellOfServer.has(error.kind) || isGivenUp) return;
        if (error.kind === 'http_status' && (error.status ?? 500) < 500) return;
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        // Once it has rested, the first failure is enough.
        if (count >= FAILURES) resting.rest(tenantId, server);
      };
      return {
        era: connection.era,
        async request(call, signal) {
          const leftMs = resting.leftMs(tenantId, server);
          if (leftMs !== undefined) {
            const seconds = Math.ceil(leftMs / 1_000);
            throw new UpstreamFault(
              'resting',
              `failed several times in a row and is tried again in ${seconds} s`,
            );
          }
          const leave = takeBoth(calls, 'calls', tenantId, server);
          try {
            const answer = await tried(connection, call, signal, server.upstream?.retries);
            if (answer.kind === 'stream') {
              // A client that leaves before it has read anything leaves a stream that never ends by itself.
              if (signal.aborted) leave();
              else signal.addEventListener('abort', leave, { once: true });
              return {
                kind: 'stream',
                items: watched(
                  answer.items,
                  leave,
                  (error) => {
                    judge(error, signal);
                  },
                  succeed,
                ),
              };
            }
            succeed();
            leave();
            return answer;
          } catch (error) {
            leave();
            judge(error, signal);
            throw error;
          }
        },
      };
      function succeed(): void {
        failures.delete(key);
      }
    },
  };
}

const keyOf = (tenantId: string, { slug, url }: Named): string => `${tenantId} ${slug} ${url}`;

async function tried(
  connection: Connection,
  call: UpstreamCall,
  signal: AbortSignal,
  retries = 1,
): Promise<Answer> {
  for (let left = retries; ; left--) {
    try {
      return await connection.request(call, signal);
    } catch (error) {
      const mayPass =
        error instanceof UpstreamFault && error.kind === 'unreachable' && harmless.has(call.method);
      if (!mayPass || signal.aborted || left === 0) throw error;
    }
  }
}

async function* watched(
  items: AsyncGenerator<AnswerItem, void, undefined>,
  leave: () => void,
  judge: (error: unknown) => void,
  succeed: () => void,
): AsyncGenerator<AnswerItem, void, undefined> {
  try {
    for await (const item of items) {
      if (item.kind === 'outcome') {
        succeed();
        leave();
      }
      yield item;
    }
  } catch (error) {
    judge(error);
    throw error;
  } finally {
    leave();
  }
}
