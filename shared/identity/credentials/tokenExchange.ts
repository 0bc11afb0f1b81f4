import type { INetworkModule, NodeAuthOptions } from '@azure/msal-node';
import type { Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';

/** A token for another API, in the name of a user. */
export interface ExchangedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Exchanges the access token of a user for one to another API, for the same user. Failures: `forbidden` where Entra refuses,
 * as when nobody has consented; `unavailable`. Neither holds what Entra said.
 * Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow", RFC 7523.
 */
export type ExchangeToken = (user: {
  readonly tenantId: string;
  readonly token: string;
  readonly scope: string;
}) => Promise<Result<ExchangedToken>>;

const MAX_BYTES = 64 * 1024;
const WITHIN_MS = 10_000;
/** What a managed identity presents itself to Entra with, in the place of a secret. */
const FEDERATION = 'api://AzureADTokenExchange/.default';

export function createTokenExchange(
  { apiClientId, clientSecret }: Pick<Config, 'apiClientId' | 'clientSecret'>,
  deps: { readonly authority: string; readonly outbound: OutboundClient },
): ExchangeToken {
  return async ({ tenantId, token, scope }) => {
    const msal = await import('@azure/msal-node');
    const { ConfidentialClientApplication, InteractionRequiredAuthError, ServerError } = msal;
    // A client for each exchange: one that is shared keeps the tokens of all users in one cache.
    const client = new ConfidentialClientApplication({
      auth: {
        clientId: apiClientId,
        ...endpoints(deps.authority, tenantId),
        ...(clientSecret === undefined ? { clientAssertion: identityAssertion } : { clientSecret }),
      },
      system: { networkClient: guarded(deps.outbound), loggerOptions: { piiLoggingEnabled: false } },
    });
    try {
      const found = await client.acquireTokenOnBehalfOf({ oboAssertion: token, scopes: [scope] });
      if (!found?.accessToken || !found.expiresOn) return refused;
      return succeed({ token: found.accessToken, expiresAt: found.expiresOn.getTime() });
    } catch (error) {
      const isRefusal = error instanceof ServerError || error instanceof InteractionRequiredAuthError;
      return isRefusal ? refused : away;
    }
  };
}

const refused = fail({
  kind: 'forbidden',
  message: 'Entra gives no token for it in the name of this user: the permission may lack consent',
});
const away = fail({ kind: 'unavailable', message: 'the token service could not be reached' });

/** MSAL knows Entra's authority; the endpoints are said, so that it asks nobody for them. */
function endpoints(
  authority: string,
  tenantId: string,
): Pick<NodeAuthOptions, 'authority' | 'authorityMetadata'> {
  const base = `${authority}/${tenantId}`;
  return {
    authority: `https://login.microsoftonline.com/${tenantId}`,
    authorityMetadata: JSON.stringify({
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      issuer: `${base}/v2.0`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    }),
  };
}

async function identityAssertion(): Promise<string> {
  const { ManagedIdentityCredential } = await import('@azure/identity');
  return (await new ManagedIdentityCredential().getToken(FEDERATION)).token;
}

/** MSAL's requests on the one way out, with its bounds. It knows itself what its answers hold. */
function guarded(outbound: OutboundClient): INetworkModule {
  const send =
    (method: 'GET' | 'POST'): INetworkModule['sendPostRequestAsync'] =>
    async (url, { headers = {}, body } = {}) => {
      const signal = AbortSignal.timeout(WITHIN_MS);
      const request = { method, url, headers, signal, ...(body !== undefined && { body }) };
      const sent = await outbound.request(request);
      if (!sent.ok) throw new Error(sent.error.message);
      const { statusCode: status, body: received } = sent.value;
      const bytes = await received.bytes(MAX_BYTES);
      if (!bytes) throw new Error('the token service answered with too much');
      return { status, headers: {}, body: JSON.parse(bytes.toString('utf8')) as never };
    };
  return { sendGetRequestAsync: send('GET'), sendPostRequestAsync: send('POST') };
}
