import type { ConfidentialClientApplication, INetworkModule, NodeAuthOptions } from '@azure/msal-node';
import type { AppIdentity } from '../../platform/managedIdentity/appIdentity.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { EXCHANGE_TIMEOUT_MS, MAX_EXCHANGE_BYTES } from '../limits.ts';

/** What the clients of the token service share. */
export interface MsalDeps {
  /** Origin of the token service: Entra's, or the local one. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  /** Proves the app registration where there is no secret. */
  readonly identity: AppIdentity;
}

/** The scope of the assertion that a managed identity sends to Entra instead of a secret. */
const FEDERATION = 'api://AzureADTokenExchange/.default';

/**
 * Creates a client of the token service for one request: a shared client would keep the tokens of all users in one cache. Imports
 * MSAL with the first use. `tenant` is a tenant's id, or `organizations`.
 */
export async function createMsalClient(
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string | undefined },
  tenant: string,
  { authority, outbound, identity }: MsalDeps,
): Promise<ConfidentialClientApplication> {
  const { ConfidentialClientApplication } = await import('@azure/msal-node');
  return new ConfidentialClientApplication({
    auth: {
      clientId,
      ...endpoints(authority, tenant),
      ...(clientSecret === undefined
        ? { clientAssertion: async () => (await identity.getToken(FEDERATION)).token }
        : { clientSecret }),
    },
    system: { networkClient: guarded(outbound), loggerOptions: { piiLoggingEnabled: false } },
  });
}

/** Returns the authority that MSAL knows, and the endpoints, so that MSAL does not fetch them. */
function endpoints(
  authority: string,
  tenant: string,
): Pick<NodeAuthOptions, 'authority' | 'authorityMetadata'> {
  const base = `${authority}/${tenant}`;
  return {
    authority: `https://login.microsoftonline.com/${tenant}`,
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
