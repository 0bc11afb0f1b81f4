import type { DomainError } from '../../platform/base/errors.ts';

/** Delegated scope that a user's token must carry, beside a role. */
export const REQUIRED_SCOPE = 'mcp.access';

/**
 * Returns the scope as a client requests it from Entra: `resource` is an App ID URI of the app registration. At an MCP endpoint
 * it is the URL of the endpoint, because clients also send that as `resource` (RFC 8707), and Entra refuses a scope of another
 * resource (AADSTS9010010).
 */
export const scopeOf = (resource: string): string => `${resource}/${REQUIRED_SCOPE}`;

/** Returns the App ID URI that Entra proposes for an app registration. Callers of the management app ask for its scope. */
export const appIdUriOf = (apiClientId: string): string => `api://${apiClientId}`;

/** What the gateway says about one reason to reject a request's credentials. */
interface RefusalText {
  readonly kind: 'unauthenticated' | 'bad_request' | 'forbidden';
  /** The text for the caller. Before the signature is verified, it says nothing that helps to guess tenants or keys. */
  readonly message: string;
  /** For operators: what was wrong with the request. */
  readonly what: string;
  /** For operators: the requirement. */
  readonly rule: string;
  /** For operators: what to do. */
  readonly remedy: string;
}

const NOT_VALID = 'The access token is not valid for this gateway.';

/** Every reason to reject the credentials of a request. The log and the audit trail name it by its key. */
export const refusals = {
  missing: {
    kind: 'unauthenticated',
    message: 'An access token is required: send it as "Authorization: Bearer ...".',
    what: 'it came without an access token',
    rule: 'Every request but discovery and health carries "Authorization: Bearer".',
    remedy:
      'Nothing, if the client then signed in: this answer tells it where. Otherwise check that the client sends the header and that no proxy removes it.',
  },
  repeated: {
    kind: 'bad_request',
    message: 'Send one access token, in one Authorization header.',
    what: 'it carried more than one token',
    rule: 'A request has one Authorization header, and no token in its URL (RFC 6750, section 2).',
    remedy:
      "Let the client send one token. A proxy may add a header of its own: let it replace the client's.",
  },
  malformed: {
    kind: 'unauthenticated',
    message: NOT_VALID,
    what: 'its Authorization header held no JWT',
    rule: 'The header is "Bearer" and one signed JWT of at most 16 KiB.',
    remedy: 'Let the client send the access token, not an id token reference, a key or a password.',
  },
  unknown_tenant: {
    kind: 'unauthenticated',
    message: NOT_VALID,
    what: 'its token is of a tenant that may not sign in here',
    rule: 'The claim tid is one of MREG_TENANTS.',
    remedy: 'Add the tenant to MREG_TENANTS of both apps, or let the user sign in with their account here.',
  },
  bad_signature: {
    kind: 'unauthenticated',
    message: NOT_VALID,
    what: 'the signature of its token is of no key of the issuer, or of an algorithm that is not allowed',
    rule: 'RS256 by a key that Entra publishes for the tenant now, or ES256 by a key of the gateway.',
    remedy:
      'Get a new token. If all users are rejected, the issuer changed its keys: check that the apps reach the issuer. If one user is rejected, someone is trying a forged token.',
  },
  expired: {
    kind: 'unauthenticated',
    message: 'The access token has expired: get a new one.',
    what: 'its token had expired',
    rule: 'The claim exp is at most 60 seconds in the past.',
    remedy: 'Let the client renew its token before it expires; check the clock of its machine.',
  },
  not_yet_valid: {
    kind: 'unauthenticated',
    message: 'The access token is not valid yet: check the clock of its issuer.',
    what: 'its token was not valid yet',
    rule: 'The claim nbf is at most 60 seconds in the future.',
    remedy: 'Check the clocks of the issuer and of the app.',
  },
  wrong_audience: {
    kind: 'unauthenticated',
    message: 'The access token was issued for another application or another endpoint.',
    what: 'its token was issued for another application or another endpoint',
    rule: "The claim aud is MREG_API_CLIENT_ID in a token of Entra, and the URL of the endpoint in a token of the gateway's own.",
    remedy:
      'Let the client ask for the scope and the resource that the 401 names in WWW-Authenticate: a token for Microsoft Graph, another API or another endpoint does not work.',
  },
  wrong_claims: {
    kind: 'unauthenticated',
    message: NOT_VALID,
    what: 'a claim of its token was missing or not as its issuer writes it (version, issuer, tenant, object id)',
    rule: "A v2.0 access token whose issuer is that of its tenant, or a token of the gateway's own.",
    remedy: 'Set requestedAccessTokenVersion to 2 in the app registration.',
  },
  no_scope: {
    kind: 'forbidden',
    message: `The access token lacks the scope ${REQUIRED_SCOPE}.`,
    what: `its token lacked the scope ${REQUIRED_SCOPE}`,
    rule: `A user's token carries the scope ${REQUIRED_SCOPE}; an app's token of Entra has the claim idtyp "app".`,
    remedy: 'Let the client ask for that scope, and an administrator of the tenant consent to it.',
  },
  no_role: {
    kind: 'forbidden',
    message: 'The access token holds no role of this gateway: an administrator of your tenant assigns them.',
    what: 'its token held no role of this gateway',
    rule: 'At least one of Gateway.Admin, Gateway.Operator, Gateway.Auditor, Gateway.User.',
    remedy: 'Assign an app role to the user, their group or the app in the enterprise application.',
  },
  revoked: {
    kind: 'unauthenticated',
    message: 'An administrator of your tenant has revoked this access to the gateway.',
    what: 'an administrator had revoked the access of its user or of its client',
    rule: 'No revocation of the tenant names the user or the client (GET /revocations).',
    remedy:
      'Nothing, if the revocation is meant. Otherwise an administrator lifts it: DELETE /revocations/{id}.',
  },
} as const satisfies Record<string, RefusalText>;

/** Why the credentials of a request are rejected. Callers get the coarser `message` of the table. */
export type Refusal = keyof typeof refusals;

export function refusalError(refusal: Refusal): DomainError & { readonly kind: RefusalText['kind'] } {
  const { kind, message } = refusals[refusal];
  return { kind, message };
}

/** Error codes of RFC 6750, section 3.1. */
const codes = {
  bad_request: 'invalid_request',
  unauthenticated: 'invalid_token',
  forbidden: 'insufficient_scope',
} as const satisfies Record<RefusalText['kind'], string>;

export interface ChallengeSettings {
  /** The scope in the form in which clients ask Entra for it: see `scopeOf`. */
  readonly scope: string;
  /** URL of the protected resource metadata (RFC 9728, section 5.1); absent where no client discovers. */
  readonly resourceMetadata?: string;
}

/**
 * Returns the `WWW-Authenticate` header of a refusal (RFC 6750, section 3). A request without a token gets no error code.
 * Returns `undefined` where another token would not help, so that clients do not sign in again and again.
 */
export function challenge(
  refusal: Refusal,
  { scope, resourceMetadata }: ChallengeSettings,
): string | undefined {
  if (refusal === 'no_role') return undefined;
  const { kind, message } = refusals[refusal];
  const parameters = [
    ...(resourceMetadata === undefined ? [] : [`resource_metadata="${resourceMetadata}"`]),
    ...(refusal === 'missing' ? [] : [`error="${codes[kind]}"`, `error_description="${message}"`]),
    `scope="${scope}"`,
  ];
  return `Bearer ${parameters.join(', ')}`;
}
