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
 * Remembers legacy sessions by key, the least recently used ones dropped over `capacity`. A session that could not be
 * opened is not remembered.
 */
export function createSessionPool(capacity: number): { of(key: string, source: SessionSource): SessionSlot } {
  const opened = new Map<string, Promise<LegacySession>>();
  return {
    of: (key, source) => ({
      get() {
        let session = opened.get(key);
        if (session === undefined) {
          session = source.open();
          session.catch(() => {
            if (opened.get(key) === session) opened.delete(key);
          });
        }
        // A map keeps the order of insertion: what was used last is last.
        opened.delete(key);
        opened.set(key, session);
        if (opened.size > capacity) {
          const [oldest] = opened.keys();
          if (oldest !== undefined) opened.delete(oldest);
        }
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
