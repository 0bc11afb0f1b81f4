import { importJWK, jwtVerify } from 'jose';
import { z } from 'zod';
import { apiClientId, localClientSecret } from '../defaults.ts';
import { issuerOf } from './claims.ts';
import { sign, type SigningKey } from './signingKey.ts';

/** The gateway's request on behalf of a user: Entra's On-Behalf-Of flow (RFC 7523). */
const exchangeSchema = z.object({
  grant_type: z.literal('urn:ietf:params:oauth:grant-type:jwt-bearer'),
  requested_token_use: z.literal('on_behalf_of'),
  client_id: z.literal(apiClientId),
  client_secret: z.literal(localClientSecret),
  assertion: z.string(),
  scope: z.string().regex(/\/\.default( |$)/),
});

/** The errors of a token endpoint (RFC 6749, section 5.2). */
export interface ExchangeRefusal {
  readonly error: 'invalid_grant' | 'invalid_request';
  readonly error_description: string;
}

/** An app's own token has no user on whose behalf to act. */
const noPerson: ExchangeRefusal = {
  error: 'invalid_grant',
  error_description: 'The assertion is of no user.',
};

const GOOD_FOR_SECONDS = 3_600;

/** Returns a token of the assertion's user for the API whose `.default` scope is requested. */
export async function exchangeToken(
  form: URLSearchParams,
  tenant: string,
  origin: string,
  key: SigningKey,
): Promise<
  | ExchangeRefusal
  | {
      readonly access_token: string;
      readonly expires_in: number;
      readonly scope: string;
      readonly token_type: 'Bearer';
    }
> {
  const parsed = exchangeSchema.safeParse(Object.fromEntries(form));
  if (!parsed.success)
    return { error: 'invalid_request', error_description: 'This is no on-behalf-of request of the gateway.' };
  const issuer = issuerOf(origin, tenant);
  const { assertion, scope } = parsed.data;
  const audience = scope.split('/.default')[0] ?? '';
  try {
    const { payload } = await jwtVerify(assertion, await importJWK(key.publicJwk, 'RS256'), {
      issuer,
      audience: apiClientId,
    });
    const { tid, oid, name, idtyp } = payload;
    if (idtyp === 'app') return noPerson;
    const now = Math.floor(Date.now() / 1_000);
    const claims = { ver: '2.0', iss: issuer, aud: audience, tid, oid, name, scp: 'user_impersonation' };
    const token = await sign(key, { ...claims, azp: apiClientId, iat: now, exp: now + GOOD_FOR_SECONDS });
    return {
      access_token: token,
      expires_in: GOOD_FOR_SECONDS,
      scope: `${audience}/.default`,
      token_type: 'Bearer',
    };
  } catch {
    return {
      error: 'invalid_grant',
      error_description: 'The assertion is no token that is good for the gateway.',
    };
  }
}
