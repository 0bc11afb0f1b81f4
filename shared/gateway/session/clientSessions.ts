import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { boundedFeatures } from '../protocol/clientFeatures.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import {
  CLIENT_SESSION_MS,
  MAX_CACHED_SESSIONS,
  MAX_INFO_LENGTH,
  SESSION_FRESH_MS,
} from '../protocol/limits.ts';
import type { ClientSession, SharedState } from '../upstream/connection.ts';
import { closeToken, openToken, ownerOf } from './clientToken.ts';

/** Values by slug. In memory it is a map, because a slug may be the name of an inherited property such as `constructor`. */
const bySlug = <T>(schema: z.ZodType<T>) =>
  z
    .record(z.string(), schema)
    .default({})
    .transform((values): ReadonlyMap<string, T> => new Map(Object.entries(values)));

/** `SharedState` as it is stored. */
const sharedSchema = z.object({
  ended: z.boolean().default(false),
  logLevel: z.string().optional(),
  upstream: bySlug(
    z.object({
      id: z.string(),
      version: z.string(),
      target: z.string(),
    }),
  ),
  stream: z.string().optional(),
  subscriptions: bySlug(z.array(z.string()).readonly()),
});
const emptyState: SharedState = sharedSchema.parse({});

/** Returns the form that is sealed and stored. */
const storedForm = ({ upstream, subscriptions, ...shared }: SharedState): object => ({
  ...shared,
  upstream: Object.fromEntries(upstream),
  subscriptions: Object.fromEntries(subscriptions),
});

/**
 * Sessions with clients of the legacy era (2025-11-25, transports, Session Management). A session is a sealed token that the
 * client carries. The state stores only what changes. Any instance serves it, and a restart does not end it.
 */
export interface ClientSessions {
  /** Returns the token of a new session. It is valid at this endpoint only. */
  open(owner: Actor, endpoint: string, hello: Pick<ClientSession, 'capabilities' | 'clientInfo'>): string;
  /** Returns the session, or `undefined` when this actor has no such open session at this endpoint. */
  find(owner: Actor, endpoint: string, token: string): Awaitable<ClientSession | undefined>;
}

export function createClientSessions(deps: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly seal: Seal;
}): ClientSessions {
  const { state, clock, newId, seal } = deps;
  /** By owner, endpoint and token, so that an opened token is found by its owner at its endpoint only. */
  const cached = createTenantCache<Opened>(MAX_CACHED_SESSIONS);

  /** The ids of server sessions are secrets, so the shared state is sealed. */
  const read = (id: string, text: string | undefined): SharedState =>
    (text === undefined ? undefined : sharedSchema.safeParse(seal.open('session_state', [id], text)).data) ??
    emptyState;

  function sessionOf(id: string, capabilities: JsonObject, info: unknown, expiresAt: number): ClientSession {
    const key = `mreg:mcp:${id}`;
    let known: { readonly at: number; shared: Awaitable<SharedState> } | undefined;
    const cache = (shared: Awaitable<SharedState>): Awaitable<SharedState> => {
      const read = (known = { at: clock.now().getTime(), shared });
      if (shared instanceof Promise)
        shared.then(
          (value) => (read.shared = value),
          () => {
            if (known === read) known = undefined;
          },
        );
      return shared;
    };
    return {
      id,
      capabilities,
      clientInfo: isObject(info) ? info : undefined,
      shared() {
        if (known && clock.now().getTime() - known.at < SESSION_FRESH_MS) return known.shared;
        return cache(state.get(key).then((text) => read(id, text)));
      },
      async change(change) {
        for (;;) {
          const text = await state.get(key);
          const before = read(id, text);
          const after = change(before);
          if (after === before) return cache(before);
          const ttlMs = Math.max(1, expiresAt - clock.now().getTime());
          const sealed = seal.close('session_state', [id], storedForm(after));
          const stored = await state.compareAndSet(key, text, sealed, ttlMs);
          if (stored === 'stored') return cache(after);
        }
      },
    };
  }

  function openSession(owner: Actor, endpoint: string, token: string): Opened | undefined {
    const content = openToken(seal, 'session', owner, token);
    if (content?.['endpoint'] !== endpoint) return undefined;
    const { id, capabilities, clientInfo, expiresAt } = content;
    const isSound = typeof id === 'string' && isObject(capabilities) && typeof expiresAt === 'number';
    return isSound ? { session: sessionOf(id, capabilities, clientInfo, expiresAt), expiresAt } : undefined;
  }

  return {
    open(owner, endpoint, { capabilities, clientInfo }) {
      const isShort = JSON.stringify(clientInfo ?? {}).length <= MAX_INFO_LENGTH;
      return closeToken(seal, 'session', owner, {
        id: newId(),
        endpoint,
        // Every request carries the token, so it holds only what the gateway uses.
        capabilities: boundedFeatures(capabilities),
        ...(isShort && clientInfo && { clientInfo }),
        expiresAt: clock.now().getTime() + CLIENT_SESSION_MS,
      });
    },
    find(owner, endpoint, token) {
      const key = JSON.stringify([...ownerOf(owner), endpoint, token]);
      let opened = cached.get(key);
      if (opened) cached.touch(key);
      else {
        opened = openSession(owner, endpoint, token);
        if (opened) cached.set(owner.tenantId, key, opened);
      }
      if (opened === undefined || opened.expiresAt <= clock.now().getTime()) return undefined;
      const { session } = opened;
      return andThen(session.shared(), ({ ended }) => (ended ? undefined : session));
    },
  };
}

/** A session whose token this instance has opened. */
interface Opened {
  readonly session: ClientSession;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}
