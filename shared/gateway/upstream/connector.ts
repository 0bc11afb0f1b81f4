import { createHash } from 'node:crypto';
import type { SignedIn } from '../../identity/credentials/credentials.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { GATEWAY_INFO } from '../protocol/versions.ts';
import { canShare, type ClientSession } from '../session/clientSessions.ts';
import { carriedFeatures } from '../protocol/clientFeatures.ts';
import type { Caller, Connection } from './connection.ts';
import type { Guard } from './protection.ts';
import { legacyConnection } from './legacy.ts';
import { type LegacySession, nothingOffered, openSession, resumeSession } from './legacySession.ts';
import { modernConnection } from './modern.ts';
import { oldConnection } from './httpSseTransport.ts';
import type { OutboundTo } from './outboundTo.ts';
import { createSessionPool, type SessionSlot, type SessionSource } from './sessionPool.ts';

/** A server, as far as it takes to reach it. */
export interface Reachable extends UpstreamTarget {
  readonly slug: string;
  readonly discovery: Pick<Discovery, 'era' | 'transport' | 'capabilities'>;
}

/** Connects callers to servers of either era. */
export interface Connector {
  /** `logLevel`: what a modern client wants to hear, for which it needs a session that nobody else changes. */
  connect(server: Reachable, caller: Caller, logLevel?: string): Connection;
  /** A session with a legacy server for one purpose, which whoever opens it closes. @throws UpstreamFault */
  openOwn(server: Reachable): Promise<LegacySession>;
  /** The session of a caller with a legacy server. */
  sessionOf(server: Reachable, caller: Caller, logLevel?: string): SessionSlot;
}

/** Sessions that one instance holds: about what its memory and a tenant's busy users need. */
const MAX_SESSIONS = 1_000;

/** What a session with a server stands for: with another address or other credentials it is another session. */
const targetOf = ({ tenantId, url, sealedUrl, upstream }: Reachable) => [tenantId, url, sealedUrl, upstream];

export function createConnector(outboundTo: OutboundTo, newId: IdSource, guard: Guard): Connector {
  const pool = createSessionPool(MAX_SESSIONS);
  /** No two instances number their requests alike. */
  const idPrefix = newId().slice(0, 12);

  /** The token that each caller came with last: a session outlives the token that it was opened with. */
  const tokens = createTenantCache<SignedIn>(MAX_SESSIONS);

  /** The way to a server for a caller. */
  function wayTo(server: Reachable, { principal, user }: Caller): OutboundClient {
    if (server.upstream?.headers === undefined) return outboundTo(server);
    const key = JSON.stringify([principal.tenantId, principal.userId, principal.clientId]);
    const now = user();
    if (now !== undefined) tokens.set(principal.tenantId, key, now);
    return outboundTo(server, () => tokens.get(key));
  }

  const unshared = (server: Reachable, outbound: OutboundClient): SessionSource => ({
    open: async () => {
      const { session } = await openSession(outbound, server.url, nothingOffered, idPrefix);
      return session;
    },
    lost: () => Promise.resolve(),
  });

  /** The upstream session of a client's session, which all instances use. */
  function shared(server: Reachable, client: ClientSession, outbound: OutboundClient): SessionSource {
    const capabilities = carriedFeatures(client.capabilities);
    const offer = { capabilities, clientInfo: client.clientInfo ?? GATEWAY_INFO };
    const { slug, url } = server;
    return {
      async open() {
        const target = createHash('sha256')
          .update(JSON.stringify(targetOf(server)))
          .digest('base64url');
        const known = (await client.shared()).upstream.get(slug);
        if (known?.target === target) return resumeSession(outbound, url, known, capabilities, idPrefix);
        const { session } = await openSession(outbound, url, offer, idPrefix);
        const { id, version } = session;
        if (id === undefined) return session;
        const { upstream } = await client.change((now) => {
          if (now.upstream.get(slug)?.target === target) return now;
          const more = new Map([...now.upstream, [slug, { id, version, target }]]);
          // The state has no room for more: then this instance alone keeps the session.
          return canShare(more) ? { ...now, upstream: more } : now;
        });
        const winner = upstream.get(slug);
        if (winner === undefined || winner.id === id) return session;
        // Another instance was first.
        void session.close();
        return resumeSession(outbound, url, winner, capabilities, idPrefix);
      },
      async lost({ id }) {
        await client.change((now) => {
          if (now.upstream.get(slug)?.id !== id) return now;
          return { ...now, upstream: new Map([...now.upstream].filter(([known]) => known !== slug)) };
        });
      },
    };
  }

  function sessionOf(server: Reachable, caller: Caller, logLevel = ''): SessionSlot {
    const { principal, session } = caller;
    const { tenantId, userId } = principal;
    const outbound = wayTo(server, caller);
    const key = JSON.stringify([tenantId, userId, targetOf(server), session?.id, logLevel]);
    return pool.of(tenantId, key, session ? shared(server, session, outbound) : unshared(server, outbound));
  }

  function connectionTo(server: Reachable, caller: Caller, logLevel: string | undefined): Connection {
    const { url, discovery } = server;
    if (discovery.era === 'modern') return modernConnection(wayTo(server, caller), url);
    if (discovery.transport === 'sse') return oldConnection(wayTo(server, caller), url);
    return legacyConnection(
      sessionOf(server, caller, caller.session ? undefined : logLevel),
      'logging' in discovery.capabilities ? logLevel : undefined,
    );
  }

  return {
    sessionOf,
    openOwn: (server) => unshared(server, outboundTo(server)).open(),
    connect(server, caller, logLevel) {
      return guard.around(connectionTo(server, caller, logLevel), caller.principal.tenantId, server);
    },
  };
}
