import type { INetworkModule, NodeAuthOptions } from '@azure/msal-node';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import type { AppIdentity } from '../../platform/managedIdentity/appIdentity.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { EXCHANGE_TIMEOUT_MS, MAX_EXCHANGE_BYTES } from '../limits.ts';

/** A token for another API, for the same user. */
export interface ExchangedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Exchanges the access token of a user for a token to another API, for the same user. Failures: `forbidden` if Entra refuses, for
 * example without consent; `unavailable`. Their messages hold nothing of Entra's answer.
 * Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow", RFC 7523.
 */
export type ExchangeToken = (user: {
  readonly tenantId: string;
  readonly token: string;
  readonly scope: string;
}) => Promise<Result<ExchangedToken>>;

/** The scope of the assertion that a managed identity sends to Entra instead of a secret. */
const FEDERATION = 'api://AzureADTokenExchange/.default';

export function createTokenExchange(
  { apiClientId, clientSecret }: Pick<Config, 'apiClientId' | 'clientSecret'>,
  deps: {
    readonly authority: string;
    readonly outbound: OutboundClient;
    /** Proves the app registration where there is no secret. */
    readonly identity: AppIdentity;
  },
): ExchangeToken {
  return async ({ tenantId, token, scope }) => {
    const msal = await import('@azure/msal-node');
    const { ConfidentialClientApplication, InteractionRequiredAuthError, ServerError } = msal;
    // One client per exchange: a shared client would keep the tokens of all users in one cache.
    const client = new ConfidentialClientApplication({
      auth: {
        clientId: apiClientId,
        ...endpoints(deps.authority, tenantId),
        ...(clientSecret === undefined
          ? { clientAssertion: async () => (await deps.identity.getToken(FEDERATION)).token }
          : { clientSecret }),
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

/** Returns the authority that MSAL knows, and the endpoints, so that MSAL does not fetch them. */
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

/** Sends MSAL's requests through the guarded client, within its bounds. */
function guarded(outbound: OutboundClient): INetworkModule {
  const send =
    (method: 'GET' | 'POST'): INetworkModule['sendPostRequestAsync'] =>
    async (url, { headers = {}, body } = {}) => {
      const signal = AbortSignal.timeout(EXCHANGE_TIMEOUT_MS);
      const request = { method, url, headers, signal, ...(body !== undefined && { body }) };
      const sent = await outbound.request(request);
      if (!sent.ok) throw new Error(sent.error.message);
      const { statusCode: status, body: received } = sent.value;
      const bytes = await received.bytes(MAX_EXCHANGE_BYTES);
      if (!bytes) throw new Error('the token service answered with too much');
      return { status, headers: {}, body: JSON.parse(bytes.toString('utf8')) as never };
    };
  return { sendGetRequestAsync: send('GET'), sendPostRequestAsync: send('POST') };
}
