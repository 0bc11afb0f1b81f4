import * as z from 'zod';
import type { Seal } from '../../platform/security/seal.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import { accountClientSchema } from './accountClient.ts';
import { tokenServerSchema } from './authorizationServer.ts';

/** A user's account at an upstream server. It holds tokens under seal only. */
export const connectionSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  slug: z.string(),
  /** The authorization server of the account. */
  issuer: z.string(),
  /** The origin of the upstream server: its tokens go there and nowhere else. */
  origin: z.string(),
  /** The scopes that the user granted. */
  scopes: z.array(z.string()),
  /** Scopes that the server asked for since: the next sign-in asks the user for them too. */
  wantedScopes: z.array(z.string()).optional(),
  connectedAt: z.iso.datetime(),
  /** The tokens. Absent: they ended, and the user has to sign in again. */
  sealed: z.string().optional(),
});
export type Connection = Readonly<z.infer<typeof connectionSchema>>;

/** What `sealed` holds. */
export const accountSecretsSchema = z.object({
  server: tokenServerSchema,
  client: accountClientSchema,
  resource: z.string().optional(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAt: z.number().optional(),
  /** When the upstream server refused the token before this one, in milliseconds since the epoch. */
  refusedAt: z.number().optional(),
});
export type AccountSecrets = Readonly<z.infer<typeof accountSecretsSchema>>;

export type ConnectionKey = Pick<Connection, 'tenantId' | 'userId' | 'slug'>;
type Owner = ConnectionKey & Pick<Connection, 'issuer'>;
/** A value that is moved to another user, server or issuer cannot be opened. */
const ownerOf = ({ tenantId, userId, slug, issuer }: Owner) => [tenantId, userId, slug, issuer];

export const sealSecrets = (seal: Seal, owner: Owner, secrets: AccountSecrets): string =>
  seal.close('connection', ownerOf(owner), secrets);

/** Returns the tokens, or `undefined` where they ended or the key that sealed them was removed. */
export const openSecrets = (seal: Seal, connection: Connection): AccountSecrets | undefined =>
  connection.sealed === undefined
    ? undefined
    : accountSecretsSchema.safeParse(seal.open('connection', ownerOf(connection), connection.sealed)).data;

/** Stores connections: one for a user and a server. An outage is thrown, never read as "not found". */
export interface ConnectionStore {
  find(key: ConnectionKey): Promise<Stored<Connection> | undefined>;
  /** Stores a connection in place of an earlier one. */
  put(connection: Connection): Promise<void>;
  /** Replaces the connection only if it still has this ETag. */
  replace(connection: Connection, etag: string): Promise<'replaced' | 'conflict'>;
  remove(key: ConnectionKey): Promise<'removed' | 'missing'>;
  /** Yields the connections to the server whose tokens have not ended. */
  ofServer(tenantId: string, slug: string): AsyncIterable<Connection>;
}
