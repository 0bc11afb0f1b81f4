import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Failure, type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { underLease } from '../../platform/state/underLease.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import type { IsRevoked } from '../access/revocations.ts';
import type { EntraSignIn, EntraTokens } from '../credentials/entraSignIn.ts';
import { CODE_MS, GRANT_MS, REFRESH_GRACE_MS, REFRESH_LEASE_MS, REFRESH_WAIT_MS } from '../limits.ts';
import type { AuthorizationRequest } from './authorizationRequest.ts';
import type { Grant, GrantName, GrantStore } from './grant.ts';
import { openRefreshToken } from './refreshTokens.ts';
import { refused } from './signInRefusal.ts';

/** The grants of all clients, and the refresh tokens of Entra behind them. */
export interface Grants {
  /** Begins the grant of a person who signed in. It ends soon after its code has expired, unless it is activated. */
  begin(person: EntraTokens, request: AuthorizationRequest): Promise<Grant>;
  /** Makes the grant last, once the client has exchanged its code. Failures: `invalid_grant`. */
  activate(name: GrantName): Promise<Result<Grant>>;
  /**
   * Exchanges a refresh token: the person's roles are asked of Entra anew, and the grant gets its next generation. A token of an
   * earlier generation ends the grant: two parties have it. Only within ten seconds it stands for an answer that was lost, and the
   * same answer is given again. Failures: `invalid_grant`, where the grant has ended too; `invalid_target` for another endpoint
   * than the grant's, and `temporarily_unavailable`, where nothing has changed.
   */
  refresh(token: string, clientId: string, resource?: string): Promise<Result<Grant>>;
  /** Returns an access token of Entra for the person of the grant. Failures: `unauthenticated`, `forbidden`, `unavailable`. */
  entraToken(name: GrantName): Promise<Result<EntraTokens>>;
  end(name: GrantName): Promise<'removed' | 'missing'>;
  /** Ends the grants of a person: all of them, or those of one client. */
  endAllOf(tenantId: string, userId: string, clientId?: string): Promise<void>;
  purge(now: Date): Promise<void>;
}

export interface GrantDeps {
  readonly store: GrantStore;
  readonly entra: EntraSignIn;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly isRevoked: IsRevoked;
}

const sealOwner = ({ tenantId, userId, id }: GrantName): readonly string[] => [tenantId, userId, id];
const leaseOf = ({ id }: GrantName): string => `mreg:grant:${id}`;

export function createGrants(deps: GrantDeps): Grants {
  const { store, entra, state, seal, clock, newId, isRevoked } = deps;
  const now = () => clock.now().getTime();
  const inMs = (ms: number): string => new Date(now() + ms).toISOString();

  /** Only one instance at a time uses the refresh token of Entra, because Entra rotates it. */
  async function exclusively<T>(name: GrantName, act: () => Promise<Result<T>>): Promise<Result<T>> {
    const bounds = { ttlMs: REFRESH_LEASE_MS, waitMs: REFRESH_WAIT_MS };
    const done = await underLease(state, leaseOf(name), bounds, act);
    return done === 'busy' ? busy : done;
  }

  async function find(name: GrantName): Promise<Stored<Grant> | undefined> {
    const found = await store.find(name);
    return found && Date.parse(found.value.expiresAt) > now() ? found : undefined;
  }

  async function endBecause(name: GrantName, failure: Failure): Promise<Failure> {
    await store.remove(name);
    return failure;
  }

  /** Asks Entra for the person of a grant, and stores what Entra answers. Call it under the lease of the grant. */
  async function renew(
    { value: grant, etag }: Stored<Grant>,
    change: Partial<Pick<Grant, 'generation' | 'rotatedAt'>>,
  ): Promise<Result<{ readonly grant: Grant; readonly person: EntraTokens }>> {
    const sealed = seal.open('entra_token', sealOwner(grant), grant.entraToken);
    // The key that sealed it was removed from the settings.
    if (typeof sealed !== 'string') return endBecause(grant, signInAgain);
    const asked = await entra.refresh(grant.tenantId, sealed);
    if (!asked.ok) return asked.error.kind === 'unavailable' ? entraAway : endBecause(grant, entraRefused);
    const { actor, refreshToken } = asked.value;
    if (actor.tenantId !== grant.tenantId || actor.userId !== grant.userId)
      return endBecause(grant, entraRefused);
    const renewed: Grant = {
      ...grant,
      ...change,
      roles: actor.roles,
      ...(actor.name !== undefined && { userName: actor.name }),
      entraToken: seal.close('entra_token', sealOwner(grant), refreshToken),
    };
    const { status } = await store.replace(renewed, etag);
    if (status === 'missing') return signInAgain;
    return status === 'conflict' ? busy : succeed({ grant: renewed, person: asked.value });
  }

  return {
    async begin({ actor, refreshToken }, { clientId, resource, scopes }) {
      const { tenantId, userId, name: userName, roles } = actor;
      const name = { tenantId, userId, id: newId() };
      const at = inMs(0);
      const grant: Grant = {
        ...name,
        ...(userName !== undefined && { userName }),
        roles,
        clientId,
        resource,
        scopes,
        createdAt: at,
        expiresAt: inMs(2 * CODE_MS),
        generation: 0,
        rotatedAt: at,
        entraToken: seal.close('entra_token', sealOwner(name), refreshToken),
      };
      await store.add(grant);
      return grant;
    },

    async activate(name) {
      const found = await find(name);
      if (!found) return signInAgain;
      const { value: grant, etag } = found;
      if (await isRevoked(grant)) return endBecause(name, revoked);
      const active: Grant = { ...grant, generation: 1, rotatedAt: inMs(0), expiresAt: inMs(GRANT_MS) };
      return (await store.replace(active, etag)).status === 'replaced' ? succeed(active) : signInAgain;
    },

    async refresh(token, clientId, resource) {
      const named = openRefreshToken(seal, token);
      if (!named) return unknownToken;
      return exclusively(named, async () => {
        const found = await find(named);
        if (!found) return signInAgain;
        const { value: grant } = found;
        if (grant.clientId !== clientId) return endBecause(named, ofAnotherClient);
        if (resource !== undefined && resource !== grant.resource) return otherResource;
        if (await isRevoked(grant)) return endBecause(named, revoked);
        if (named.generation !== grant.generation) {
          const isLost =
            named.generation === grant.generation - 1 &&
            now() - Date.parse(grant.rotatedAt) <= REFRESH_GRACE_MS;
          return isLost ? succeed(grant) : endBecause(named, reused);
        }
        const next = { generation: grant.generation + 1, rotatedAt: inMs(0) };
        const renewed = await renew(found, next);
        return renewed.ok ? succeed(renewed.value.grant) : renewed;
      });
    },

    entraToken: (name) =>
      exclusively(name, async () => {
        const found = await find(name);
        if (!found) return signInAgain;
        const renewed = await renew(found, {});
        return renewed.ok ? succeed(renewed.value.person) : renewed;
      }),

    end: (name) => store.remove(name),

    async endAllOf(tenantId, userId, clientId) {
      for await (const grant of store.ofUser(tenantId, userId))
        if (clientId === undefined || grant.clientId === clientId) await store.remove(grant);
    },

    purge: (at) => store.purge(at),
  };
}

const again = 'sign in again';
const signInAgain = refused('invalid_grant', 'grant_ended', `the sign-in has ended: ${again}`);
const revoked = refused('invalid_grant', 'revoked', 'an administrator ended this access');
const entraRefused = refused(
  'invalid_grant',
  'entra_refused',
  `Entra no longer accepts the sign-in: ${again}`,
);
const unknownToken = refused(
  'invalid_grant',
  'refresh_token_unknown',
  `the refresh token is not valid: ${again}`,
);
const ofAnotherClient = refused(
  'invalid_grant',
  'refresh_token_of_another_client',
  `the refresh token is not valid: ${again}`,
);
const reused = refused(
  'invalid_grant',
  'refresh_token_reused',
  `the refresh token was used before, so that the sign-in has ended: ${again}`,
);
const otherResource = refused(
  'invalid_target',
  'resource_unknown',
  'the sign-in is for another resource: sign in for this one',
);
const entraAway = refused('temporarily_unavailable', 'entra_unavailable', 'Entra does not answer: try again');
const busy = refused(
  'temporarily_unavailable',
  'busy',
  'another refresh of this sign-in is under way: try again',
);
