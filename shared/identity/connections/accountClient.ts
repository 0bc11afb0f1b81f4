import { hash } from 'node:crypto';
import type * as oauth from 'oauth4webapi';
import * as z from 'zod';
import { derivedId } from '../../platform/base/ids.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { basicAuthorization } from '../credentials/basicAuthorization.ts';
import type { ConnectionTarget } from '../credentials/connections.ts';
import { REGISTRATION_MS } from '../limits.ts';
import type { AuthorizationServer, ServerSearch } from './authorizationServer.ts';
import { askServer } from './guardedFetch.ts';
import { away, isOutage, unusable } from './protectedResource.ts';

const methods = ['client_secret_basic', 'client_secret_post', 'none'] as const;

/** The gateway as a client of one authorization server. */
export const accountClientSchema = z.object({
  clientId: z.string().max(2_000),
  clientSecret: z.string().max(4_000).optional(),
  method: z.enum(methods),
  /** The one to which the authorization server sends its answers. */
  redirectUri: z.string(),
});
export type AccountClient = z.infer<typeof accountClientSchema>;

interface ClientDocument {
  readonly client_id: string;
  readonly [field: string]: unknown;
}

/** The description of the gateway as a client (RFC 7591, section 2; OAuth Client ID Metadata Document). */
export function clientDocument(publicOrigin: string): ClientDocument {
  return {
    client_id: `${publicOrigin}/connections/client.json`,
    client_name: 'MCP Registry Gateway',
    client_uri: publicOrigin,
    redirect_uris: [redirectUriAt(publicOrigin)],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    // OpenID Connect Registration, section 2: a web client has no redirect URI of plain http.
    application_type: publicOrigin.startsWith('https:') ? 'web' : 'native',
  };
}

/** Returns a redirect URI of the gateway: the common one, or that of one issuer only. */
export const redirectUriAt = (publicOrigin: string, issuerId?: string): string =>
  `${publicOrigin}/connections/callback${issuerId === undefined ? '' : `/of/${issuerId}`}`;

/** Finds the client for an authorization server. */
export interface AccountClients {
  /** Failures: `rejected` where no kind of client is possible; `unavailable`. */
  for(
    tenantId: string,
    server: AuthorizationServer,
    target: ConnectionTarget,
  ): Promise<Result<AccountClient>>;
  /** Forgets a client that registered itself, because its authorization server no longer knows it. */
  forget(tenantId: string, server: Pick<AuthorizationServer, 'issuer'>): Promise<void>;
}

/**
 * Prefers the preset client of the settings, then the gateway's own document where the authorization server reads such, then
 * dynamic registration (MCP 2025-11-25, Authorization, Client Registration Approaches). A client is used at its issuer only.
 *
 * Everybody can name the document, so its answers say which server they are of (RFC 9207). A server that does not promise this gets
 * a redirect URI of its own. Otherwise a malicious one could get the code of another (RFC 9700, section 4.4).
 */
export function createAccountClients(deps: {
  readonly search: ServerSearch;
  readonly publicOrigin: string;
  /** State that outlives a restart of Redis. */
  readonly durable: StateStore;
  readonly seal: Seal;
  readonly now: () => number;
}): AccountClients {
  const { search, publicOrigin, durable, seal, now } = deps;
  const document = clientDocument(publicOrigin);
  const keyOf = (tenantId: string, { issuer }: Pick<AuthorizationServer, 'issuer'>) =>
    `mreg:account-client:${tenantId}:${hash('sha256', `${publicOrigin} ${issuer}`, 'base64url')}`;
  const ownerOf = (tenantId: string, { issuer }: Pick<AuthorizationServer, 'issuer'>) => [
    'client',
    tenantId,
    issuer,
  ];

  async function registered(tenantId: string, server: AuthorizationServer): Promise<Result<AccountClient>> {
    const key = keyOf(tenantId, server);
    const stored = await durable.get(key);
    const opened =
      stored === undefined ? undefined : seal.open('connection', ownerOf(tenantId, server), stored);
    const known = accountClientSchema.safeParse(opened).data;
    if (known) return succeed(known);
    const made = await register(server);
    if (!made.ok) return made;
    const { client, lastsMs } = made.value;
    if (lastsMs > 0)
      await durable.set(key, seal.close('connection', ownerOf(tenantId, server), client), lastsMs);
    return succeed(client);
  }

  /** Registers the gateway (RFC 7591, section 3). */
  async function register(
    server: AuthorizationServer,
  ): Promise<Result<{ readonly client: AccountClient; readonly lastsMs: number }>> {
    const { registration_endpoint: endpoint } = server;
    const wanted = methodFor(true, server);
    if (endpoint === undefined || wanted === undefined)
      return unusable('its authorization server knows no client of this gateway: name one in the settings');
    const { client_id: _none, ...metadata } = document;
    const redirectUri = redirectUriAt(publicOrigin, derivedId(server.issuer));
    const answer = await askServer(search.outbound, {
      method: 'POST',
      url: endpoint,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...metadata,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: wanted,
      }),
    });
    if (!answer.ok) return answer;
    if (isOutage(answer.value.status)) return away;
    const read = registrationSchema.safeParse(answer.value.body);
    if (answer.value.status >= 300 || !read.success)
      return unusable('its authorization server refused to register the gateway');
    const {
      client_id: clientId,
      client_secret: clientSecret,
      client_secret_expires_at: ends = 0,
    } = read.data;
    const method = methodFor(clientSecret !== undefined, server, read.data.token_endpoint_auth_method);
    if (method === undefined) return unusable(NO_METHOD);
    const lastsMs =
      ends === 0 ? REGISTRATION_MS : Math.min(REGISTRATION_MS, Math.floor(ends * 1_000 - now()));
    return succeed({ client: { clientId, clientSecret, method, redirectUri }, lastsMs });
  }

  return {
    async for(tenantId, server, { client }) {
      if (client) {
        const { clientId, clientSecret } = client;
        const method = methodFor(clientSecret !== undefined, server);
        const redirectUri = redirectUriAt(publicOrigin);
        return method === undefined
          ? unusable(NO_METHOD)
          : succeed({ clientId, clientSecret, method, redirectUri });
      }
      // An authorization server on the internet cannot read the document of a gateway on one machine.
      const isReadable = new URL(server.issuer).protocol === new URL(publicOrigin).protocol;
      const namesItself = server.authorization_response_iss_parameter_supported === true;
      if (server.client_id_metadata_document_supported === true && isReadable && namesItself)
        return succeed({
          clientId: document.client_id,
          method: 'none',
          redirectUri: redirectUriAt(publicOrigin),
        });
      return registered(tenantId, server);
    },
    async forget(tenantId, server) {
      await durable.delete(keyOf(tenantId, server));
    },
  };
}

const NO_METHOD = 'its token endpoint wants a client authentication that the gateway does not have';

const registrationSchema = z.object({
  client_id: accountClientSchema.shape.clientId,
  client_secret: z
    .string()
    .max(4_000)
    .transform((secret) => (secret === '' ? undefined : secret))
    .optional(),
  client_secret_expires_at: z.number().min(0).optional(),
  token_endpoint_auth_method: z.string().optional(),
});

/**
 * Returns how a client authenticates at the token endpoint: as its registration says, otherwise by the first way that the server's
 * metadata has; `client_secret_basic` where it says nothing (RFC 8414, section 2).
 */
function methodFor(
  hasSecret: boolean,
  { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] }: AuthorizationServer,
  registeredAs?: string,
): AccountClient['method'] | undefined {
  if (!hasSecret) return 'none';
  return (
    methods.find((method) => method === registeredAs) ?? methods.find((method) => supported.includes(method))
  );
}

/** Returns the client as `oauth4webapi` takes it, with its authentication. */
export function asOauthClient({ clientId, clientSecret = '', method }: AccountClient): {
  readonly client: oauth.Client;
  readonly authentication: oauth.ClientAuth;
} {
  return {
    client: { client_id: clientId },
    authentication: (_server, _client, body, headers) => {
      // The library encodes "-" too (RFC 6749, section 2.3.1, wants less), and many servers do not decode that.
      if (method === 'client_secret_basic')
        headers.set('authorization', basicAuthorization(clientId, clientSecret));
      else body.set('client_id', clientId);
      if (method === 'client_secret_post') body.set('client_secret', clientSecret);
    },
  };
}
