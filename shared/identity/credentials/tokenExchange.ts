import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import { createMsalClient, type MsalDeps } from './msalClient.ts';
import type { IssuedToken } from './tokenCache.ts';

/**
 * Exchanges the access token of a user for a token to another API, for the same user. Failures: `forbidden` if Entra refuses, for
 * example without consent; `unavailable`. Their messages hold nothing of Entra's answer.
 * Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow", RFC 7523.
 */
export type ExchangeToken = (user: {
  readonly tenantId: string;
  readonly token: string;
  readonly scope: string;
}) => Promise<Result<IssuedToken>>;

export function createTokenExchange(
  { apiClientId, clientSecret }: Pick<Config, 'apiClientId' | 'clientSecret'>,
  deps: MsalDeps,
): ExchangeToken {
  return async ({ tenantId, token, scope }) => {
    const { InteractionRequiredAuthError, ServerError } = await import('@azure/msal-node');
    const client = await createMsalClient({ clientId: apiClientId, clientSecret }, tenantId, deps);
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
