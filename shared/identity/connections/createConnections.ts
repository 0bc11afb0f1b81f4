import type { Clock } from '../../platform/base/clock.ts';
import { fail, type Failure, type Result, succeed } from '../../platform/base/result.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { IsRevoked } from '../access/revocations.ts';
import type { Connections, ConnectionTarget } from '../credentials/connections.ts';
import { ACCOUNT_MARGIN_MS } from '../limits.ts';
import { type BearerChallenge, bearerChallengeIn } from './bearerChallenge.ts';
import {
  type AccountSecrets,
  type Connection,
  type ConnectionKey,
  type ConnectionStore,
  openSecrets,
} from './connection.ts';
import type { ConnectionLinks } from './connectionLink.ts';
import { isSameIssuer } from './discoverAccount.ts';
import { boundedScopes, splitScopes } from './protectedResource.ts';
import type { RefreshAccount } from './refreshAccount.ts';

/** A refreshed token that the server refuses within this time in ms after the one before shows that refreshing does not help. */
const REFUSED_AGAIN_MS = 60_000;

/** Returns whether an account is used at the target: both its origin and its issuer are those that the person agreed to. */
export const isFor = (
  { origin, issuer }: Pick<Connection, 'origin' | 'issuer'>,
  { url, client }: ConnectionTarget,
): boolean => origin === new URL(url).origin && (client === undefined || isSameIssuer(client.issuer, issuer));

/** Creates the accounts of users at upstream servers. */
export function createConnections(deps: {
  readonly store: ConnectionStore;
  readonly refresh: RefreshAccount;
  readonly links: ConnectionLinks;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly isRevoked: IsRevoked;
}): Connections {
  const { store, refresh, links, seal, clock, isRevoked } = deps;

  const needed = (user: Omit<ConnectionKey, 'slug'>, slug: string): Failure => {
    const signInUrl = links.urlFor(user, slug);
    return fail({
      kind: 'sign_in_needed',
      message: `the server "${slug}" needs your own account there: sign in at ${signInUrl}`,
      members: { signInUrl },
    });
  };

  /** Returns the tokens for a request to the target. */
  const secretsFor = (connection: Connection | undefined, target: ConnectionTarget) =>
    connection && isFor(connection, target) ? openSecrets(seal, connection) : undefined;

  async function refreshed(
    key: ConnectionKey,
    used: AccountSecrets,
    refusedAt?: number,
  ): Promise<Result<string>> {
    const result = await refresh(key, used.accessToken, refusedAt);
    if (result.ok) return succeed(bearer(result.value));
    return result.error.kind === 'sign_in_needed' ? needed(key, key.slug) : result;
  }

  /** Changes the stored connection if it still has the refused token. */
  async function change(
    key: ConnectionKey,
    used: AccountSecrets,
    changes: Partial<Connection>,
  ): Promise<void> {
    const stored = await store.find(key);
    const present = stored && openSecrets(seal, stored.value);
    if (present && isSameSecret(present.accessToken, used.accessToken))
      await store.replace({ ...stored.value, ...changes }, stored.etag);
  }

  return {
    async authorizationFor(user, target) {
      const key = { tenantId: user.tenantId, userId: user.userId, slug: target.slug };
      const secrets = secretsFor((await store.find(key))?.value, target);
      if (!secrets) return needed(user, target.slug);
      const { expiresAt = Infinity } = secrets;
      if (expiresAt - ACCOUNT_MARGIN_MS > clock.now().getTime()) return succeed(bearer(secrets));
      return refreshed(key, secrets);
    },

    async refused(user, target, authorization, challenge) {
      const key = { tenantId: user.tenantId, userId: user.userId, slug: target.slug };
      const connection = (await store.find(key))?.value;
      const secrets = secretsFor(connection, target);
      if (!connection || !secrets) return needed(user, target.slug);
      // Another call has refreshed it meanwhile.
      if (!isSameSecret(bearer(secrets), authorization)) return succeed(bearer(secrets));
      const wanted = lackingScopes(bearerChallengeIn(challenge));
      if (wanted) {
        await change(key, secrets, {
          wantedScopes: [...boundedScopes([...wanted, ...(connection.wantedScopes ?? [])])],
        });
        return needed(user, target.slug);
      }
      const now = clock.now().getTime();
      const isRefusedAgain = secrets.refusedAt !== undefined && now - secrets.refusedAt < REFUSED_AGAIN_MS;
      if (secrets.refreshToken !== undefined && !isRefusedAgain) return refreshed(key, secrets, now);
      await change(key, secrets, { sealed: undefined });
      return needed(user, target.slug);
    },

    async firstUserOf(tenantId, slug) {
      for await (const { userId } of store.ofServer(tenantId, slug))
        if (!(await isRevoked({ tenantId, userId, clientId: '' }))) return userId;
      return undefined;
    },
  };
}

const bearer = ({ accessToken }: Pick<AccountSecrets, 'accessToken'>): string => `Bearer ${accessToken}`;

const lackingScopes = (challenge: BearerChallenge | undefined): readonly string[] | undefined =>
  challenge?.error === 'insufficient_scope' ? splitScopes(challenge.scope) : undefined;
