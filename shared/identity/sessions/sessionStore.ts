import * as z from 'zod';
import { type Clock, CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { type IdSource, isId } from '../../platform/base/ids.ts';
import { type App, appSchema } from '../../platform/config/config.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import { type Actor, actorSchema, roles } from '../access/actor.ts';
import { MAX_SESSION_MS } from '../limits.ts';

const sessionSchema = z.object({
  id: z.string(),
  /** Who opened it. */
  actor: actorSchema,
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
/** A session. It expires with its token at the latest. */
export type Session = Readonly<z.infer<typeof sessionSchema>>;

const authContextSchema = z.object({
  actor: actorSchema,
  expiresAt: z.iso.datetime(),
  /** Which app opened the session, and when. */
  serverContext: z.object({ app: appSchema, createdAt: z.iso.datetime() }).readonly(),
});
/** The rights of a session's owner, for work that either app does. */
export type AuthContext = Readonly<z.infer<typeof authContextSchema>>;

/** The stored rights. The token is sealed for this session. */
const authRecordSchema = authContextSchema.extend({ sealedToken: z.string().optional() });

/** The fields that earlier versions wrote in place of the actor. Such a row expires after an hour at most. */
const flatOwnerSchema = z.looseObject({
  actor: z.undefined().optional(),
  tenantId: z.string(),
  userId: z.string(),
  clientId: z.string().default(''),
  roles: z.array(z.enum(roles)).default([]),
  expiresAt: z.iso.datetime(),
});

/** Reads a row with an actor, or a row of an earlier version, which named the owner field by field and not by kind. */
const readable = <T extends { readonly actor: Actor }>(schema: z.ZodType<T>): z.ZodType<T> =>
  z.preprocess((row) => {
    const flat = flatOwnerSchema.safeParse(row);
    if (!flat.success) return row;
    const { tenantId, userId, clientId, roles: granted, expiresAt } = flat.data;
    const actor = { tenantId, userId, clientId, roles: granted, expiresAt: Date.parse(expiresAt) };
    return { ...flat.data, actor: { ...actor, kind: 'user' } };
  }, schema);

const storedSession = readable(sessionSchema);
const storedAuthContext = readable(authContextSchema);
const storedAuthRecord = readable(authRecordSchema);

/**
 * Stores sessions for both apps, in the state that all instances share. Possession of an id grants nothing: a session of another
 * tenant reads as absent, and the caller checks that a session is its own. A row that this store did not write reads as absent.
 * An outage is thrown.
 */
export interface SessionStore {
  /**
   * Opens a session of one hour, or of the token's remaining lifetime if that is shorter. The verifier accepts a token for a
   * minute after its expiry; such a token opens a session that has already expired. `token` is stored only if given, sealed.
   */
  open(actor: Actor, token?: string): Promise<Session>;
  find(tenantId: string, id: string): Promise<Session | undefined>;
  /** Returns the rights of the owner, or `undefined` after the session or its token has expired. */
  authContext(tenantId: string, id: string): Promise<AuthContext | undefined>;
  /** Returns the token that the session was opened with, if it was stored. It must never be shown. */
  token(tenantId: string, id: string): Promise<string | undefined>;
  end(tenantId: string, id: string): Promise<'ended' | 'absent'>;
  /** Ends every session that the user has opened so far. */
  endAllOf(tenantId: string, userId: string): Promise<void>;
  /** Returns whether a user ended the session; false for one that expired, or that Redis lost. Azure Tables store this. */
  wasEnded(id: string): Promise<boolean>;
}

const sessionKey = (id: string): string => `mreg:session:${id}`;
const authKey = (id: string): string => `mreg:auth:${id}`;
const endedKey = (id: string): string => `mreg:session-ended:${id}`;
/** Its value is a time: the sessions of the user that were opened by then have ended. */
const endedForKey = ({ tenantId, userId }: Pick<Actor, 'tenantId' | 'userId'>): string =>
  `mreg:sessions-ended:${tenantId}:${userId}`;
/** What a sealed token is bound to. */
const owner = ({ tenantId, userId }: Actor, id: string) => [tenantId, userId, id];

/** Creates the store. `newId` must give 128 random bits or more. `app` is the one that opens the sessions. */
export function createSessionStore(deps: {
  readonly state: StateStore;
  /** State that outlives a restart of Redis: Azure Tables. */
  readonly durable: Pick<StateStore, 'get' | 'set'>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly app: App;
  readonly seal: Seal;
}): SessionStore {
  const { state, durable, clock, newId, app, seal } = deps;

  async function read<T extends { readonly actor: Actor; readonly expiresAt: string }>(
    key: string,
    schema: z.ZodType<T>,
    tenantId: string,
    openedAt: (row: T) => string,
  ): Promise<T | undefined> {
    const found = parseStateValue(await state.get(key), schema);
    if (found?.actor.tenantId !== tenantId || new Date(found.expiresAt) <= clock.now()) return undefined;
    const ended = await durable.get(endedForKey(found.actor));
    return ended !== undefined && openedAt(found) <= ended ? undefined : found;
  }

  const find: SessionStore['find'] = async (tenantId, id) =>
    isId(id) ? read(sessionKey(id), storedSession, tenantId, ({ createdAt }) => createdAt) : undefined;

  return {
    async open(actor, token) {
      const now = clock.now();
      const ttlMs = Math.min(MAX_SESSION_MS, Math.floor(actor.expiresAt - now.getTime()));
      const createdAt = now.toISOString();
      const expiresAt = new Date(now.getTime() + ttlMs).toISOString();
      const session: Session = { id: newId(), actor, createdAt, expiresAt };
      if (ttlMs <= 0) return session;
      const context: AuthContext = { actor, expiresAt, serverContext: { app, createdAt } };
      const sealedToken =
        token === undefined ? undefined : seal.close('token', owner(actor, session.id), token);
      // The rights first, so that every session that can be found has them.
      await state.set(authKey(session.id), JSON.stringify({ ...context, sealedToken }), ttlMs);
      await state.set(sessionKey(session.id), JSON.stringify(session), ttlMs);
      return session;
    },

    find,

    authContext: async (tenantId, id) =>
      isId(id)
        ? read(authKey(id), storedAuthContext, tenantId, ({ serverContext }) => serverContext.createdAt)
        : undefined,

    async token(tenantId, id) {
      const record = isId(id)
        ? await read(authKey(id), storedAuthRecord, tenantId, ({ serverContext }) => serverContext.createdAt)
        : undefined;
      if (record?.sealedToken === undefined) return undefined;
      const token = seal.open('token', owner(record.actor, id), record.sealedToken);
      return typeof token === 'string' ? token : undefined;
    },

    async end(tenantId, id) {
      const session = await find(tenantId, id);
      if (!session) return 'absent';
      const leftMs = Date.parse(session.expiresAt) - clock.now().getTime();
      await durable.set(endedKey(id), 'ended', leftMs + 2 * CLOCK_TOLERANCE_MS);
      // The rights first: if the second deletion fails, the session can be ended again.
      await state.delete(authKey(id));
      return (await state.delete(sessionKey(id))) === 'deleted' ? 'ended' : 'absent';
    },

    endAllOf: (tenantId, userId) =>
      durable.set(
        endedForKey({ tenantId, userId }),
        clock.now().toISOString(),
        MAX_SESSION_MS + 2 * CLOCK_TOLERANCE_MS,
      ),

    wasEnded: async (id) => (await durable.get(endedKey(id))) !== undefined,
  };
}
