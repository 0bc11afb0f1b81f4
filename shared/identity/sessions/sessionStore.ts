import { z } from 'zod';
import { CLOCK_TOLERANCE_MS, type Clock } from '../../platform/base/clock.ts';
import type { App } from '../../platform/config/config.ts';
import { type IdSource, isId } from '../../platform/base/ids.ts';
import { settingsSchema } from '../../platform/config/settings.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { parseStateValue } from '../../platform/state/stateValue.ts';
import { type Principal, roles } from '../access/actor.ts';

const LONGEST_SESSION_MS = 3_600_000;

const sessionSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  userId: z.string(),
  clientId: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
/** Somebody's stay, begun with a token and over with it at the latest. */
export type Session = Readonly<z.infer<typeof sessionSchema>>;

const authContextSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  roles: z.array(z.enum(roles)).readonly(),
  expiresAt: z.iso.datetime(),
  /** Which app opened the session, and when. */
  serverContext: z.object({ app: settingsSchema.shape.MREG_APP, createdAt: z.iso.datetime() }).readonly(),
});
/** Who the session's owner is and what they may do, for work that goes on in either app. */
export type AuthContext = Readonly<z.infer<typeof authContextSchema>>;

/** The record of a session's rights. The token is sealed for this one session. */
const authRecordSchema = authContextSchema.extend({ sealedToken: z.string().optional() });

/**
 * Keeps sessions for both apps, in the state that all instances share. The id alone opens nothing: another tenant's reads
 * as absent, and whoever asks for a caller must see that the session is that caller's. So does whatever is not as this
 * store writes it. An outage is thrown.
 */
export interface SessionStore {
  /**
   * A session of an hour, or as long as the token is good, if that is less. A token that has run out, which the verifier
   * lets pass for a minute, opens a session that is over. The token itself is kept only if it is given, and sealed.
   */
  open(principal: Principal, token?: string): Promise<Session>;
  find(tenantId: string, id: string): Promise<Session | undefined>;
  /** What the session's owner may do; undefined once it has ended or the token behind it has. */
  authContext(tenantId: string, id: string): Promise<AuthContext | undefined>;
  /** The token that the session was opened with, where it was to be kept; for use, and never to be shown. */
  token(tenantId: string, id: string): Promise<string | undefined>;
  end(tenantId: string, id: string): Promise<'ended' | 'absent'>;
  /** Whether a user has ended the session. False for one that expired, or that Redis lost. The tables keep this. */
  wasEnded(id: string): Promise<boolean>;
}

const sessionKey = (id: string): string => `mreg:session:${id}`;
const authKey = (id: string): string => `mreg:auth:${id}`;
const endedKey = (id: string): string => `mreg:session-ended:${id}`;

/** `newId` must give 128 random bits or more. `app` is the one that opens the sessions. */
export function createSessionStore(deps: {
  readonly state: StateStore;
  /** State that outlives a restart of Redis: the tables. */
  readonly durable: Pick<StateStore, 'get' | 'set'>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly app: App;
  readonly seal: Seal;
}): SessionStore {
  const { state, durable, clock, newId, app, seal } = deps;

  async function read<T extends { tenantId: string; expiresAt: string }>(
    key: string,
    schema: z.ZodType<T>,
    tenantId: string,
  ): Promise<T | undefined> {
    const found = parseStateValue(await state.get(key), schema);
    return found?.tenantId === tenantId && new Date(found.expiresAt) > clock.now() ? found : undefined;
  }

  const find: SessionStore['find'] = async (tenantId, id) =>
    isId(id) ? read(sessionKey(id), sessionSchema, tenantId) : undefined;

  return {
    async open({ tenantId, userId, clientId, roles, expiresAt: tokenExpiresAt }, token) {
      const now = clock.now();
      const ttlMs = Math.min(LONGEST_SESSION_MS, Math.floor(tokenExpiresAt - now.getTime()));
      const createdAt = now.toISOString();
      const expiresAt = new Date(now.getTime() + ttlMs).toISOString();
      const session: Session = { id: newId(), tenantId, userId, clientId, createdAt, expiresAt };
      if (ttlMs <= 0) return session;
      const context: AuthContext = { tenantId, userId, roles, expiresAt, serverContext: { app, createdAt } };
      // Where there is a session there is what its owner may do.
      const sealedToken =
        token === undefined ? undefined : seal.close('token', [tenantId, userId, session.id], token);
      await state.set(authKey(session.id), JSON.stringify({ ...context, sealedToken }), ttlMs);
      await state.set(sessionKey(session.id), JSON.stringify(session), ttlMs);
      return session;
    },

    find,

    authContext: async (tenantId, id) =>
      isId(id) ? read(authKey(id), authContextSchema, tenantId) : undefined,

    async token(tenantId, id) {
      const record = isId(id) ? await read(authKey(id), authRecordSchema, tenantId) : undefined;
      if (record?.sealedToken === undefined) return undefined;
      const token = seal.open('token', [tenantId, record.userId, id], record.sealedToken);
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

    wasEnded: async (id) => (await durable.get(endedKey(id))) !== undefined,
  };
}
