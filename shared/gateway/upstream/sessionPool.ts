import { createHash } from 'node:crypto';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { carriedFeatures } from '../protocol/clientFeatures.ts';
import { GATEWAY_INFO } from '../protocol/envelope.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { MAX_PART_BYTES } from '../protocol/limits.ts';
import type { ClientSession, Reachable, SharedState } from './connection.ts';
import { type LegacySession, NO_CAPABILITIES, openSession, resumeSession } from './legacySession.ts';
import type { RequestIds } from './requestIds.ts';

/** Where a session comes from when this instance has none. */
export interface SessionSource {
  /** @throws UpstreamFault */
  open(): Promise<LegacySession>;
  /** The server no longer knows this session. */
  lost(session: LegacySession): Promise<void>;
}

/** The session of one caller with one server. */
export interface SessionSlot {
  /** Returns the open session, or opens one, which concurrent callers share. @throws UpstreamFault */
  get(): Promise<LegacySession>;
  /** Drops a session that the server no longer knows. The next `get` opens another. */
  forget(session: LegacySession): Promise<void>;
}

/**
 * Caches legacy sessions by key. Over `capacity` it drops the least recently used session of the tenant with the most sessions.
 * It drops a session that could not be opened.
 */
export function createSessionPool(capacity: number): {
  of(tenantId: string, key: string, source: SessionSource): SessionSlot;
} {
  const opened = createTenantCache<Promise<LegacySession>>(capacity);
  return {
    of: (tenantId, key, source) => ({
      get() {
        const known = opened.get(key);
        if (known !== undefined) {
          opened.touch(key);
          return known;
        }
        const session = source.open();
        session.catch(() => {
          if (opened.get(key) === session) opened.delete(key);
        });
        opened.set(tenantId, key, session);
        return session;
      },
      async forget(session) {
        const current = opened.get(key);
        if (current !== undefined && (await current) === session && opened.get(key) === current) {
          opened.delete(key);
          await source.lost(session);
        }
      },
    }),
  };
}

/** Returns a hash of a server's address and credentials. With others a session is another one. */
export const targetOf = ({ tenantId, url, sealedUrl, upstream }: Reachable): string =>
  createHash('sha256')
    .update(JSON.stringify([tenantId, url, sealedUrl, upstream]))
    .digest('base64url');

/** Whether the shared state has room for these server sessions or subscriptions. */
export const canShare = (part: SharedState['upstream'] | SharedState['subscriptions']): boolean =>
  Buffer.byteLength(JSON.stringify([...part])) <= MAX_PART_BYTES;

/** Opens a session that belongs to no client's session. @throws UpstreamFault */
export async function openUnshared(
  { url }: Reachable,
  outbound: OutboundClient,
  nextId: RequestIds,
  capabilities: JsonObject = {},
): Promise<LegacySession> {
  return (await openSession(outbound, url, { ...NO_CAPABILITIES, capabilities }, nextId)).session;
}

/** The server session of a client's session. All instances use it. `target`: `targetOf` the server. */
export function sharedSource(
  { slug, url }: Reachable,
  target: string,
  client: ClientSession,
  outbound: OutboundClient,
  nextId: RequestIds,
): SessionSource {
  return {
    async open() {
      const capabilities = carriedFeatures(client.capabilities);
      const known = (await client.shared()).upstream.get(slug);
      if (known?.target === target) return resumeSession(outbound, url, known, capabilities, nextId);
      const offer = { capabilities, clientInfo: client.clientInfo ?? GATEWAY_INFO };
      const { session } = await openSession(outbound, url, offer, nextId);
      const { id, version } = session;
      if (id === undefined) return session;
      const { upstream } = await client.change((now) => {
        if (now.upstream.get(slug)?.target === target) return now;
        const more = new Map([...now.upstream, [slug, { id, version, target }]]);
        // Without room in the state, only this instance keeps the session.
        return canShare(more) ? { ...now, upstream: more } : now;
      });
      const winner = upstream.get(slug);
      if (winner === undefined || winner.id === id) return session;
      // Another instance opened one first.
      void session.close();
      return resumeSession(outbound, url, winner, capabilities, nextId);
    },
    async lost({ id }) {
      await client.change((now) => {
        if (now.upstream.get(slug)?.id !== id) return now;
        return { ...now, upstream: new Map([...now.upstream].filter(([known]) => known !== slug)) };
      });
    },
  };
}
