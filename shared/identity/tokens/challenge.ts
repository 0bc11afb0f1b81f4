import type { DomainError } from '../../platform/base/errors.ts';
import { type Refusal, REQUIRED_SCOPE } from './verifyToken.ts';

/** How a refusal reads to the caller. Until the signature holds nothing is said that helps to guess tenants or keys. */
const answers = {
  missing: ['unauthenticated', 'An access token is required: send it as "Authorization: Bearer ...".'],
  repeated: ['bad_request', 'Send one access token, in one Authorization header.'],
  malformed: ['unauthenticated', 'The access token is not valid for this gateway.'],
  unknown_tenant: ['unauthenticated', 'The access token is not valid for this gateway.'],
  bad_signature: ['unauthenticated', 'The access token is not valid for this gateway.'],
  expired: ['unauthenticated', 'The access token has expired: get a new one.'],
  not_yet_valid: ['unauthenticated', 'The access token is not valid yet: check the clock of its issuer.'],
  wrong_audience: ['unauthenticated', 'The access token was issued for another application.'],
  wrong_claims: ['unauthenticated', 'The access token is not valid for this gateway.'],
  no_scope: ['forbidden', `The access token lacks the scope ${REQUIRED_SCOPE}.`],
  no_role: [
    'forbidden',
    'The access token holds no role of this gateway: an administrator of your tenant assigns them.',
  ],
} as const satisfies Record<Refusal, readonly [DomainError['kind'], string]>;

/** Error codes of RFC 6750, section 3.1. */
const codes = {
  bad_request: 'invalid_request',
  unauthenticated: 'invalid_token',
  forbidden: 'insufficient_scope',
} as const;

export function refusalError(refusal: Refusal): DomainError & { readonly kind: keyof typeof codes } {
  const [kind, message] = answers[refusal];
  return { kind, message };
}

export interface ChallengeSettings {
  /** The scope as clients must ask Entra for it. */
  readonly scope: string;
  /** Where clients find the protected resource metadata; absent where no client discovers (RFC 9728 5.1). */
  readonly resourceMetadata?: string;
}

/**
 * The `WWW-Authenticate` header of a refusal, RFC 6750 3: a request without a token gets no error code. Undefined where
 * another token would not help, so that clients do not sign in again and again.
 */
export function challenge(
  refusal: Refusal,
  { scope, resourceMetadata }: ChallengeSettings,
): string | undefined {
  if (refusal === 'no_role') return undefined;
  const { kind, message } = refusalError(refusal);
  const error = codes[kind];
  const parameters = [
    ...(resourceMetadata === undefined ? [] : [`resource_metadata="${resourceMetadata}"`]),
    ...(refusal === 'missing' ? [] : [`error="${error}"`, `error_description="${message}"`]),
    `scope="${scope}"`,
  ];
  return `Bearer ${parameters.join(', ')}`;
}
