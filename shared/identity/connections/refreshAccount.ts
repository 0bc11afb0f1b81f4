import type { Clock } from '../../platform/base/clock.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { createKeyedMutex } from '../../platform/concurrency/keyedMutex.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { underLease } from '../../platform/state/underLease.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import { REFRESH_LEASE_MS, REFRESH_WAIT_MS } from '../limits.ts';
import {
  type AccountSecrets,
  type Connection,
  type ConnectionKey,
  type ConnectionStore,
  openSecrets,
  sealSecrets,
} from './connection.ts';
import type { TokenEndpoint } from './tokenEndpoint.ts';

/**
 * Refreshes the tokens of a connection unless another call or instance has done so since `usedToken` was read. `refusedAt` is when the
 * upstream server refused that token. Failures: `sign_in_needed` where only the user can help; `unavailable`.
 */
export type RefreshAccount = (
  key: ConnectionKey,
  usedToken: string,
  refusedAt?: number,
) => Promise<Result<AccountSecrets>>;

/**
 * Refreshes under a lease of all instances: a refresh token that rotates works once, and a second use would end the sign-in (OAuth
 * 2.1, section 4.3.1).
 */
export function createRefreshAccount(deps: {
  readonly store: ConnectionStore;
  readonly tokens: TokenEndpoint;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly clock: Clock;
}): RefreshAccount {
  const { store, tokens, state, seal, clock } = deps;
  const inTurn = createKeyedMutex();

  async function refreshOnce(
    { value: connection, etag }: Stored<Connection>,
    secrets: AccountSecrets,
    refusedAt: number | undefined,
  ): Promise<Result<AccountSecrets>> {
    const { refreshToken, expiresAt = Infinity } = secrets;
    if (refreshToken === undefined) {
      if (refusedAt === undefined && expiresAt > clock.now().getTime()) return succeed(secrets);
      return end(connection, etag);
    }
    const refreshed = await tokens.refresh(secrets, refreshToken);
    if (!refreshed.ok) return refreshed.error.kind === 'unauthenticated' ? end(connection, etag) : refreshed;
    const { scopes, ...issued } = refreshed.value;
    const { server, client, resource } = secrets;
    const next: AccountSecrets = { server, client, resource, ...issued, refusedAt };
    const sealed = sealSecrets(seal, connection, next);
    const stored = { ...connection, ...(scopes && { scopes: [...scopes] }), sealed };
    // A conflict: the user signed in again or forgot the account. The new tokens are then of no use.
    return (await store.replace(stored, etag)) === 'replaced' ? succeed(next) : needed;
  }

  async function end(connection: Connection, etag: string): Promise<Result<AccountSecrets>> {
    await store.replace({ ...connection, sealed: undefined }, etag);
    return needed;
  }

  return async (key, usedToken, refusedAt) => {
    const name = `${key.tenantId}:${key.userId}:${key.slug}`;
    const limits = { ttlMs: REFRESH_LEASE_MS, waitMs: REFRESH_WAIT_MS };
    const refreshed = await inTurn(name, () =>
      underLease(state, `mreg:account-refresh:${name}`, limits, async () => {
        const stored = await store.find(key);
        const secrets = stored && openSecrets(seal, stored.value);
        if (!stored || !secrets) return needed;
        return isSameSecret(secrets.accessToken, usedToken)
          ? refreshOnce(stored, secrets, refusedAt)
          : succeed(secrets);
      }),
    );
    return refreshed === 'busy' ? busy : refreshed;
  };
}

const busy = fail({ kind: 'unavailable', message: 'the sign-in at the server is being renewed: try again' });
/** The caller adds the link. */
const needed = fail({ kind: 'sign_in_needed', message: 'the account at the server must be connected again' });
