import * as z from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type AddressPolicy, checkOutboundUrl } from '../../platform/security/addressRules.ts';
import { askServer } from './guardedFetch.ts';
import { away, isOutage, unusable } from './protectedResource.ts';

const url = z.string().max(2_000);
const words = z.array(z.string().max(500)).max(500).optional();
/** The fields of an authorization server's metadata that a sign-in uses (RFC 8414, section 2). */
export const authorizationServerSchema = z.object({
  issuer: url,
  authorization_endpoint: url,
  token_endpoint: url,
  registration_endpoint: url.optional(),
  revocation_endpoint: url.optional(),
  scopes_supported: words,
  code_challenge_methods_supported: words,
  token_endpoint_auth_methods_supported: words,
  client_id_metadata_document_supported: z.boolean().optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
export type AuthorizationServer = z.infer<typeof authorizationServerSchema>;

/** The part that is kept with the tokens: who issued them, and where they are refreshed and revoked. */
export const tokenServerSchema = authorizationServerSchema.pick({
  issuer: true,
  token_endpoint: true,
  revocation_endpoint: true,
  authorization_response_iss_parameter_supported: true,
});
export type TokenServer = z.infer<typeof tokenServerSchema>;

export interface ServerSearch {
  readonly outbound: OutboundClient;
  readonly policy: AddressPolicy;
}

/**
 * Reads the metadata of an authorization server by its issuer: RFC 8414, then OpenID Connect Discovery, in the order of MCP. Returns
 * `undefined` where it publishes none. Failures: `rejected` for metadata of another issuer, for an endpoint that may not be
 * called, and for one without PKCE; `unavailable`.
 */
export async function findAuthorizationServer(
  issuer: string,
  { outbound, policy }: ServerSearch,
): Promise<Result<AuthorizationServer | undefined>> {
  const checked = checkOutboundUrl(issuer, policy);
  if (!checked.ok || checked.value.search !== '')
    return unusable('its authorization server has an address that may not be called');
  for (const place of wellKnownOf(checked.value)) {
    const answer = await askServer(outbound, { method: 'GET', url: place });
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    if (isOutage(status)) return away;
    const metadata = status === 200 ? z.looseObject({ issuer: z.string() }).safeParse(body).data : undefined;
    if (!metadata) continue;
    if (readUrl(metadata.issuer)?.href !== checked.value.href)
      return unusable(
        'the metadata of its authorization server names another issuer (RFC 8414, section 3.3)',
      );
    const read = authorizationServerSchema.safeParse(metadata);
    if (!read.success) return unusable('the metadata of its authorization server is malformed');
    return usable(read.data, policy);
  }
  return succeed(undefined);
}

/** The endpoints of a server of the revision 2025-03-26 that publishes no metadata (its Authorization, section 2.3.3). */
export const defaultEndpoints = (origin: string): AuthorizationServer => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
});

function wellKnownOf({ origin, pathname }: URL): readonly string[] {
  const path = pathname.replace(/\/$/, '');
  const [rfc8414, oidc] = ['oauth-authorization-server', 'openid-configuration'];
  return [
    `${origin}/.well-known/${rfc8414}${path}`,
    ...(path === '' ? [] : [`${origin}/.well-known/${oidc}${path}`]),
    `${origin}${path}/.well-known/${oidc}`,
  ];
}

/** A browser is sent to one of the endpoints, and secrets to the others: none may be a script, a file or a private address. */
function usable(server: AuthorizationServer, policy: AddressPolicy): Result<AuthorizationServer> {
  const { authorization_endpoint, token_endpoint, registration_endpoint, revocation_endpoint } = server;
  for (const endpoint of [authorization_endpoint, token_endpoint, registration_endpoint, revocation_endpoint])
    if (endpoint !== undefined && !checkOutboundUrl(endpoint, policy).ok)
      return unusable('its authorization server has an endpoint that may not be called');
  return succeed(server);
}
