import { text } from 'node:stream/consumers';
import { UnsecuredJWT } from 'jose';
import { loadSigningKey } from '../../infra/local/issuer/signingKey.ts';
import { json } from './handmadeUpstream.ts';
import { serve } from './serve.ts';
import { forge } from './tokens.ts';

/** The token service of Entra, for one API. */
export interface StandInEntra {
  readonly port: number;
  /** The forms that the token endpoint got. */
  readonly forms: readonly Readonly<Record<string, string>>[];
  /** Returns an access token for the API, as Entra signs them. Each role has a user of its own. */
  tokenFor(role: 'Admin' | 'User'): Promise<string>;
  close(): Promise<void>;
}

const users = {
  Admin: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c81',
  User: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c82',
} as const;

export const ENTRA = 'login.microsoftonline.com';

/**
 * Starts a stand-in that knows every tenant, publishes one key for all, and exchanges every token on behalf of its user. It checks
 * no assertion. Tokens are of `tenantId`.
 */
export async function startStandInEntra(api: {
  readonly clientId: string;
  readonly tenantId: string;
}): Promise<StandInEntra> {
  const key = await loadSigningKey();
  const origin = `https://${ENTRA}`;
  const forms: Record<string, string>[] = [];
  const server = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? '', origin);
    const base = `/${pathname.split('/')[1] ?? ''}`;
    if (pathname === `${base}/v2.0/.well-known/openid-configuration`)
      json(response, {
        issuer: `${origin}${base}/v2.0`,
        jwks_uri: `${origin}${base}/discovery/v2.0/keys`,
        token_endpoint: `${origin}${base}/oauth2/v2.0/token`,
      });
    else if (pathname === `${base}/discovery/v2.0/keys`)
      json(response, { keys: [{ ...key.publicJwk, issuer: `${origin}/{tenantid}/v2.0` }] });
    else if (pathname === `${base}/oauth2/v2.0/token`)
      void text(request).then((body) => {
        const form = Object.fromEntries(new URLSearchParams(body));
        forms.push(form);
        const [scope = ''] = form['scope']?.split(' ') ?? [];
        const exchanged = new UnsecuredJWT({ aud: scope }).encode();
        json(response, { token_type: 'Bearer', access_token: exchanged, expires_in: 3_600, scope });
      });
    else json(response, {}, 404);
  });
  return {
    port: server.port,
    forms,
    tokenFor: (role) =>
      forge(
        { key, origin },
        { request: { role, user: users[role], tenant: api.tenantId }, claims: { aud: api.clientId } },
      ),
    close: () => server.close(),
  };
}
