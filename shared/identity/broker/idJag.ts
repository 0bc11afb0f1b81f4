import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import * as z from 'zod';
import { boundedLine } from '../../platform/base/boundedLine.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import type { IsRevoked } from '../access/revocations.ts';
import { MAX_SHOWN_LENGTH, MAX_TOKEN_LENGTH } from '../limits.ts';
import { REQUIRED_SCOPE } from '../tokens/refusals.ts';
import { type Resource, resourceOf } from '../tokens/resources.ts';
import { oauthFailure } from './oauthError.ts';
import { type EndpointSettings, requestedResource } from './requestedResource.ts';
import type { VerifyAssertion } from './signedAssertion.ts';
import { because, refused } from './signInRefusal.ts';
import type { TokenGrant } from './tokenEndpoint.ts';

export interface IdJagDeps {
  readonly config: EndpointSettings & Pick<Config, 'grantIssuers'>;
  readonly verify: VerifyAssertion;
  readonly isRevoked: IsRevoked;
  readonly newId: IdSource;
}

const claimsSchema = z.object({
  sub: z.string().min(1).max(1_000),
  client_id: z.string(),
  resource: z.union([z.string().transform((one) => [one]), z.array(z.string()).max(20)]).optional(),
  scope: z.string().optional(),
  name: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
});

/**
 * The grant of an identity assertion (draft-ietf-oauth-identity-assertion-authz-grant, section 4.4; RFC 7523): an identity provider of
 * the settings asserts that one of its people lets this client use the gateway. The person is the same in each assertion and never
 * a user of Entra. Failures: `unauthorized_client`, `invalid_grant`, `invalid_target`, `invalid_scope`.
 * @throws InfrastructureError when the provider's keys, or a revocation, are not known
 */
export const createIdJagGrant =
  ({ config, verify, isRevoked, newId }: IdJagDeps): TokenGrant =>
  async (form, client) => {
    // The draft, section 8.1: without a proof of the client, whoever sees an assertion could use it first.
    if (client.secretHash === undefined && client.keys === undefined)
      return refused(
        'unauthorized_client',
        'client_refused',
        'this grant is for clients with a secret or a key: let the person sign in instead',
      );
    const { assertion, resource: asked } = form;
    if (assertion === undefined)
      return refused('invalid_request', 'request_malformed', 'assertion is required');
    const issuer = issuerOf(assertion);
    const trusted = Object.hasOwn(config.grantIssuers, issuer) ? config.grantIssuers[issuer] : undefined;
    if (!trusted) return refusedAssertion('is of an issuer that this gateway does not trust');
    const verified = await verify(assertion, {
      typ: 'oauth-id-jag+jwt',
      issuer,
      audience: [config.publicOrigin],
      requiredClaims: ['sub', 'iat', 'client_id'],
      keys: { jwksUri: trusted.jwksUri },
    });
    if (!verified.ok)
      return because('assertion_refused', oauthFailure('invalid_grant', verified.error.message).error);
    const claims = claimsSchema.safeParse(verified.value).data;
    if (!claims) return refusedAssertion('has a claim of another form');
    if (claims.client_id !== client.id) return refusedAssertion('was issued for another client');
    const resource = targetOf(claims.resource, asked, config);
    if (!resource.ok) return resource;
    if (resource.value.tenant !== undefined && resource.value.tenant !== trusted.tenant)
      return refused('invalid_target', 'resource_unknown', 'resource is an endpoint of another tenant');
    const { url } = resource.value;
    const scopes = claims.scope?.split(' ');
    if (scopes && !scopes.includes(REQUIRED_SCOPE) && !scopes.includes(`${url}/${REQUIRED_SCOPE}`))
      return refused('invalid_scope', 'assertion_refused', `the assertion lacks the scope ${REQUIRED_SCOPE}`);
    const name = boundedLine(claims.name ?? claims.email ?? '', MAX_SHOWN_LENGTH);
    const actor = {
      tenantId: trusted.tenant,
      userId: userIdOf(issuer, claims.sub),
      ...(name !== '' && { name }),
      clientId: client.id,
      roles: trusted.roles,
      grantId: newId(),
    };
    if (await isRevoked(actor))
      return refused('invalid_grant', 'revoked', 'an administrator ended this access');
    return succeed({ actor, resource: url, scopes: [REQUIRED_SCOPE] });
  };

/** Returns the issuer that an assertion names. Nothing has been verified yet. */
function issuerOf(assertion: string): string {
  if (assertion.length > MAX_TOKEN_LENGTH) return '';
  try {
    return decodeJwt(assertion).iss ?? '';
  } catch {
    return '';
  }
}

/** Returns the endpoint: one that the assertion allows, and the one that the request names if it does. */
function targetOf(
  allowed: readonly string[] | undefined,
  asked: string | undefined,
  config: EndpointSettings,
): Result<Resource> {
  if (asked === undefined && allowed && allowed.length > 1)
    return refused('invalid_target', 'resource_unknown', 'resource must name one of those of the assertion');
  const wanted = requestedResource(asked ?? allowed?.[0], config);
  if (!wanted.ok) return wanted;
  return allowed === undefined || allowed.some((each) => resourceOf(each, config)?.url === wanted.value.url)
    ? wanted
    : refused('invalid_target', 'resource_unknown', 'resource is none of those of the assertion');
}

const refusedAssertion = (what: string): Result<never> =>
  refused('invalid_grant', 'assertion_refused', `the assertion ${what}`);

/** Returns the id of a person: a GUID (RFC 9562, section 5.8) that follows from issuer and subject. Entra's are random (version 4). */
function userIdOf(issuer: string, subject: string): string {
  const bytes = createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
