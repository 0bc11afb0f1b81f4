import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { LegacySession } from './legacySession.ts';

/** Where a session comes from when this instance has none. */
export interface SessionSource {
  /** @throws UpstreamFault */
  open(): Promise<LegacySession>;
  /** The server no longer knows this session. */
  lost(session: LegacySession): Promise<void>;
}

/** The session of one caller with one server. */
export interface SessionSlot {
  /** The session that is open, or a new one; callers who come meanwhile share it. @throws UpstreamFault */
  get(): Promise<LegacySession>;
  /** The server no longer knows this session: the next `get` opens another. */
  forget(session: LegacySession): Promise<void>;
}

/**
 * Keeps legacy sessions by key. Over `capacity` the session that was used longest ago of the tenant with the most sessions is
 * dropped. A session that could not be opened is not kept.
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
