import { z } from 'zod';
import type { Principal } from '../../identity/access/actor.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { carriedFeatures } from '../protocol/clientFeatures.ts';
import { closeToken, openToken } from './clientToken.ts';

/** Values by slug. In memory it is a map, because a slug may be a property that every object has, such as `constructor`. */
const bySlug = <T>(schema: z.ZodType<T>) =>
  z
    .record(z.string(), schema)
    .default({})
    .transform((values): ReadonlyMap<string, T> => new Map(Object.entries(values)));

const sharedSchema = z.object({
  ended: z.boolean().default(false),
  /** What the client wants to hear; all when absent. */
  logLevel: z.string().optional(),
  /** Sessions with servers of the legacy era. */
  upstream: bySlug(
    z.object({
      id: z.string(),
      version: z.string(),
      /** A hash of the address and the credentials that it was opened with: it is not resumed under others. */
      target: z.string(),
    }),
  ),
  /** The stream that the client listens on: a later one takes its place. */
  stream: z.string().optional(),
  /** URIs that the client subscribed to, as their servers name them. */
  subscriptions: bySlug(z.array(z.string()).readonly()),
});
/** What all instances must know of a session, and the client's token cannot tell. */
export type Shared = Readonly<z.infer<typeof sharedSchema>>;
const nothingShared = sharedSchema.parse({});

/**
 * Bytes of JSON that the sessions with servers may take. The subscriptions may take as many: one value of the state holds
 * both, sealed.
 */
export const MAX_PART_BYTES = 30_000;

/** Whether the state can hold these sessions or subscriptions. */
export const canShare = (part: Shared['upstream'] | Shared['subscriptions']): boolean =>
  Buffer.byteLength(JSON.stringify([...part])) <= MAX_PART_BYTES;

/** Returns the form that is sealed and stored. */
const storedForm = ({ upstream, subscriptions, ...shared }: Shared): object => ({
  ...shared,
  upstream: Object.fromEntries(upstream),
  subscriptions: Object.fromEntries(subscriptions),
});

/** What a client of the legacy era said of itself when it began. */
export interface ClientSession {
  readonly id: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject | undefined;
  /** As of a few seconds ago at most, and with this instance's own changes. */
  shared(): Promise<Shared>;
  /** Changes what is shared, and gives what it is then. `change` may be called more than once. */
  change(change: (now: Shared) => Shared): Promise<Shared>;
}

/**
 * Sessions of the legacy era with clients (2025-11-25, transports, Session Management). A session is a sealed token that the
 * client carries; the state holds only what changes. Any instance serves it, and a restart does not end it.
 */
export interface ClientSessions {
  /** Returns the token of a new session. It is valid at this endpoint only. */
  open(owner: Principal, endpoint: string, hello: Pick<ClientSession, 'capabilities' | 'clientInfo'>): string;
  /** Undefined when there is no such session of this principal at this endpoint, or no longer. */
  find(owner: Principal, endpoint: string, token: string): Promise<ClientSession | undefined>;
}

const LASTS_MS = 24 * 3_600_000;
/** Until another instance's change of the shared part is seen, the end of a session included. */
const FRESH_MS = 3_000;
/** Sessions of which an instance remembers the shared part. */
const REMEMBERED = 5_000;
const MAX_INFO_LENGTH = 1_000;

export function createClientSessions(deps: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly seal: Seal;
}): ClientSessions {
  const { state, clock, newId, seal } = deps;
  const remembered = createTenantCache<{ readonly at: number; readonly shared: Promise<Shared> }>(REMEMBERED);

  /** Ids of sessions with servers are secrets, so the shared part is sealed. */
  const read = (id: string, text: string | undefined): Shared =>
    (text === undefined ? undefined : sharedSchema.safeParse(seal.open('session_state', [id], text)).data) ??
    nothingShared;

  function sessionOf(
    tenantId: string,
    id: string,
    capabilities: JsonObject,
    info: unknown,
    expiresAt: number,
  ): ClientSession {
    const key = `mreg:mcp:${id}`;
    const remember = (shared: Promise<Shared>): Promise<Shared> => {
      remembered.set(tenantId, key, { at: clock.now().getTime(), shared });
      shared.catch(() => {
        remembered.delete(key);
      });
      return shared;
    };
    return {
      id,
      capabilities,
      clientInfo: isObject(info) ? info : undefined,
      shared() {
        const known = remembered.get(key);
        if (known && clock.now().getTime() - known.at < FRESH_MS) return known.shared;
        return remember(state.get(key).then((text) => read(id, text)));
      },
      async change(change) {
        for (;;) {
          const text = await state.get(key);
          const before = read(id, text);
          const after = change(before);
          if (after === before) return remember(Promise.resolve(before));
          const ttlMs = Math.max(1, expiresAt - clock.now().getTime());
          const sealed = seal.close('session_state', [id], storedForm(after));
          const stored = await state.compareAndSet(key, text, sealed, ttlMs);
          if (stored === 'stored') return remember(Promise.resolve(after));
        }
      },
    };
  }

  return {
    open(owner, endpoint, { capabilities, clientInfo }) {
      const isShort = JSON.stringify(clientInfo ?? {}).length <= MAX_INFO_LENGTH;
      return closeToken(seal, 'session', owner, {
        id: newId(),
        endpoint,
        // Every request carries the token, so it holds only what is of use.
        capabilities: boundedFeatures(capabilities),
        ...(isShort && clientInfo && { clientInfo }),
        expiresAt: clock.now().getTime() + LASTS_MS,
      });
    },
    async find(owner, endpoint, token) {
      const content = openToken(seal, 'session', owner, token);
      if (content?.['endpoint'] !== endpoint) return undefined;
      const { id, capabilities, clientInfo, expiresAt } = content;
      const isSound = typeof id === 'string' && isObject(capabilities) && typeof expiresAt === 'number';
      if (!isSound || expiresAt <= clock.now().getTime()) return undefined;
      const session = sessionOf(owner.tenantId, id, capabilities, clientInfo, expiresAt);
      return (await session.shared()).ended ? undefined : session;
    },
  };
}

/** A declaration that is longer than any real one counts as the bare feature. */
function boundedFeatures(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(carriedFeatures(capabilities)).map(([name, value]) => [
      name,
      isObject(value) && JSON.stringify(value).length <= MAX_INFO_LENGTH ? value : {},
    ]),
  );
}
