import { hash } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { fail, type Failure, type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { ConnectionTarget } from '../credentials/connections.ts';
import { CONNECT_MS } from '../limits.ts';
import { type Cookie, type CookieOf, createBrowserStates, stateRefusals } from '../sessions/browserStates.ts';
import { type AccountClients, accountClientSchema, redirectUriAt } from './accountClient.ts';
import { type ServerSearch, tokenServerSchema } from './authorizationServer.ts';
import { type Connection, type ConnectionKey, type ConnectionStore, sealSecrets } from './connection.ts';
import { discoverAccount } from './discoverAccount.ts';
import { boundedScopes } from './protectedResource.ts';
import { mixedUp, type TokenEndpoint } from './tokenEndpoint.ts';

const pendingSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  slug: z.string(),
  origin: z.string(),
  server: tokenServerSchema,
  client: accountClientSchema,
  resource: z.string().optional(),
  scopes: z.array(z.string()),
  codeVerifier: z.string(),
});

/** What came of a sign-in. `key` is there as soon as the state and the browser are right. */
export interface EndedConnect {
  readonly key?: ConnectionKey;
  readonly cookie?: Cookie;
  readonly result: Result<Connection>;
}

/** The sign-in of a person at the authorization server of an upstream server. */
export interface AccountSignIn {
  /** Returns the host where users of the server have their accounts. Failures: those of `discoverAccount`. */
  hostFor(target: ConnectionTarget): Promise<Result<string>>;
  /** Returns where the browser signs in. Failures: those of `discoverAccount` and `AccountClients`. */
  begin(
    user: Omit<ConnectionKey, 'slug'>,
    target: ConnectionTarget,
  ): Promise<Result<{ readonly location: string; readonly cookie: Cookie }>>;
  /**
   * Takes the answer of the authorization server and stores the account. A state is valid for ten minutes, once, and in the browser
   * of its cookie. `issuerId` is that of the redirect URI where the answer arrived. Failures: `invalid` for an unknown state, `forbidden` for another browser or issuer, `cancelled` where the
   * person or the server declined, `unauthenticated`, `unavailable`.
   */
  end(params: URLSearchParams, cookieOf: CookieOf, issuerId?: string): Promise<EndedConnect>;
}

export function createAccountSignIn(deps: {
  readonly search: ServerSearch;
  readonly clients: AccountClients;
  readonly tokens: TokenEndpoint;
  readonly store: ConnectionStore;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly newSecret: IdSource;
  readonly publicOrigin: string;
}): AccountSignIn {
  const { search, clients, tokens, store, seal, clock, newSecret, publicOrigin } = deps;

  const kind = {
    name: 'connect',
    purpose: 'connection',
    schema: pendingSchema,
    lastsMs: CONNECT_MS,
  } as const;
  const states = createBrowserStates(kind, deps);

  return {
    async hostFor(target) {
      const place = await discoverAccount(target, search);
      return place.ok ? succeed(new URL(place.value.server.authorization_endpoint).host) : place;
    },

    async begin({ tenantId, userId }, target) {
      const place = await discoverAccount(target, search);
      if (!place.ok) return place;
      const { server, resource } = place.value;
      const client = await clients.for(tenantId, server, target);
      if (!client.ok) return client;
      const key = { tenantId, userId, slug: target.slug };
      const earlier = (await store.find(key))?.value;
      const scopes = [...boundedScopes([...place.value.scopes, ...scopesOf(earlier, server.issuer)])];
      const [state, codeVerifier] = [newSecret(), newSecret()];
      const cookie = await states.keep(state, {
        ...key,
        origin: new URL(target.url).origin,
        server: tokenServerSchema.parse(server),
        client: client.value,
        resource,
        scopes,
        codeVerifier,
      });
      const location = new URL(server.authorization_endpoint);
      const asked: Readonly<Record<string, string | undefined>> = {
        response_type: 'code',
        client_id: client.value.clientId,
        redirect_uri: client.value.redirectUri,
        state,
        code_challenge: hash('sha256', codeVerifier, 'base64url'),
        code_challenge_method: 'S256',
        scope: scopes.length > 0 ? scopes.join(' ') : undefined,
        resource,
      };
      for (const [name, value] of Object.entries(asked))
        if (value !== undefined) location.searchParams.set(name, value);
      return succeed({ location: location.href, cookie });
    },

    async end(params, cookieOf, issuerId) {
      const state = params.get('state') ?? '';
      const taken = await states.take(state, cookieOf);
      if ('refusal' in taken) return { result: refusedState(taken.refusal) };
      const { content, spent: cookie } = taken;
      const { tenantId, userId, slug, origin, server, client, resource, scopes, codeVerifier } = content;
      const key = { tenantId, userId, slug };
      const { redirectUri } = client;
      if (redirectUri !== redirectUriAt(publicOrigin, issuerId)) return { key, cookie, result: mixedUp };
      const redeemed = await tokens.redeem(
        { server, client, resource },
        { params, state, codeVerifier, redirectUri },
      );
      if (!redeemed.ok) {
        // The authorization server may have forgotten a client that registered itself: the next sign-in registers again.
        if (redeemed.error.kind === 'unauthenticated') await clients.forget(tenantId, server);
        return { key, cookie, result: redeemed };
      }
      const { scopes: granted = scopes, ...issued } = redeemed.value;
      const owner = { ...key, issuer: server.issuer };
      const connection: Connection = {
        ...owner,
        origin,
        scopes: [...granted],
        connectedAt: clock.now().toISOString(),
        sealed: sealSecrets(seal, owner, { server, client, resource, ...issued }),
      };
      await store.put(connection);
      return { key, cookie, result: succeed(connection) };
    },
  };
}

/** The scopes of the earlier sign-in and those that the server asked for since (MCP 2026-07-28: the union). Another issuer: none. */
const scopesOf = (earlier: Connection | undefined, issuer: string): readonly string[] =>
  earlier?.issuer === issuer && earlier.wantedScopes ? [...earlier.scopes, ...earlier.wantedScopes] : [];

const refusedState = (reason: keyof typeof stateRefusals): Failure =>
  fail({
    kind: reason === 'state_unknown' ? 'invalid' : 'forbidden',
    message: stateRefusals[reason],
    members: { reason },
  });
