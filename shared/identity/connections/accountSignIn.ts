import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { ConnectionTarget } from '../credentials/connections.ts';
import { CONNECT_MS } from '../limits.ts';
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
  /** SHA-256 of the cookie of the browser. */
  browser: z.string(),
});

/** A cookie that ties a sign-in to one browser. An empty value removes it. */
export interface BrowserCookie {
  readonly name: string;
  readonly value: string;
  readonly maxAgeMs: number;
}

/** What came of a sign-in. `key` is there as soon as the state and the browser are right. */
export interface EndedConnect {
  readonly key?: ConnectionKey;
  readonly cookie?: BrowserCookie;
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
  ): Promise<Result<{ readonly location: string; readonly cookie: BrowserCookie }>>;
  /**
   * Takes the answer of the authorization server and stores the account. A state is valid for ten minutes, once, and in the browser
   * of its cookie. `issuerId` is that of the redirect URI where the answer arrived. Failures: `invalid` for an unknown state, `forbidden` for another browser or issuer, `cancelled` where the
   * person or the server declined, `unauthenticated`, `unavailable`.
   */
  end(
    params: URLSearchParams,
    cookieOf: (name: string) => string | undefined,
    issuerId?: string,
  ): Promise<EndedConnect>;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');
const keyOf = (state: string): string => `mreg:connect:${hashOf(state)}`;
/** Each sign-in has a cookie of its own, so that two pages of one browser do not disturb each other. */
const cookieNameOf = (state: string): string => `mreg-connect-${hashOf(state).slice(0, 16)}`;

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
  const { search, clients, tokens, store, state: states, seal, clock, newSecret, publicOrigin } = deps;

  async function take(state: string): Promise<z.infer<typeof pendingSchema> | undefined> {
    const sealed = await states.get(keyOf(state));
    // Of two callers with one state, one deletes it.
    if (sealed === undefined || (await states.delete(keyOf(state))) === 'absent') return undefined;
    return pendingSchema.safeParse(seal.open('connection', ['state', state], sealed)).data;
  }

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
      const [state, browser, codeVerifier] = [newSecret(), newSecret(), newSecret()];
      const pending: z.input<typeof pendingSchema> = {
        ...key,
        origin: new URL(target.url).origin,
        server: tokenServerSchema.parse(server),
        client: client.value,
        resource,
        scopes,
        codeVerifier,
        browser: hashOf(browser),
      };
      await states.set(keyOf(state), seal.close('connection', ['state', state], pending), CONNECT_MS);
      const location = new URL(server.authorization_endpoint);
      const asked: Readonly<Record<string, string | undefined>> = {
        response_type: 'code',
        client_id: client.value.clientId,
        redirect_uri: client.value.redirectUri,
        state,
        code_challenge: hashOf(codeVerifier),
        code_challenge_method: 'S256',
        scope: scopes.length > 0 ? scopes.join(' ') : undefined,
        resource,
      };
      for (const [name, value] of Object.entries(asked))
        if (value !== undefined) location.searchParams.set(name, value);
      const cookie = { name: cookieNameOf(state), value: browser, maxAgeMs: CONNECT_MS };
      return succeed({ location: location.href, cookie });
    },

    async end(params, cookieOf, issuerId) {
      const state = params.get('state') ?? '';
      const pending = await take(state);
      if (!pending) return { result: unknownState };
      const cookie = { name: cookieNameOf(state), value: '', maxAgeMs: 0 };
      if (!isSameSecret(hashOf(cookieOf(cookie.name) ?? ''), pending.browser))
        return { result: otherBrowser };
      const { tenantId, userId, slug, origin, server, client, resource, scopes, codeVerifier } = pending;
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

/** Failures with the reason for the audit trail. */
const unknownState = fail({
  kind: 'invalid',
  message: 'this sign-in has expired or has ended',
  members: { reason: 'state_unknown' },
});
const otherBrowser = fail({
  kind: 'forbidden',
  message: 'this sign-in began in another browser',
  members: { reason: 'browser_changed' },
});
