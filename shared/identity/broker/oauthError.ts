import type { ErrorKind } from '../../platform/base/errors.ts';
import { fail, type Failure } from '../../platform/base/result.ts';

/**
 * The error codes of the OAuth endpoints: RFC 6749, sections 4.1.2.1 and 5.2; RFC 7591, section 3.2.2; RFC 8707, section 2. Each is
 * the failure of one kind, which gives the HTTP status.
 */
const kinds = {
  invalid_request: 'invalid',
  invalid_client: 'unauthenticated',
  invalid_grant: 'invalid',
  unauthorized_client: 'invalid',
  unsupported_grant_type: 'invalid',
  unsupported_response_type: 'invalid',
  invalid_scope: 'invalid',
  invalid_target: 'invalid',
  access_denied: 'forbidden',
  invalid_redirect_uri: 'invalid',
  invalid_client_metadata: 'invalid',
  temporarily_unavailable: 'unavailable',
  server_error: 'internal',
} as const satisfies Record<string, ErrorKind>;
export type OAuthErrorCode = keyof typeof kinds;

/** Why the broker refused, for the audit trail. A caller never sees it. */
export type SignInReason =
  | 'client_unknown'
  | 'client_not_authenticated'
  | 'redirect_uri_not_registered'
  | 'request_malformed'
  | 'response_type_unknown'
  | 'grant_type_unknown'
  | 'pkce_missing'
  | 'resource_unknown'
  | 'page_of_another_origin'
  | 'page_of_another_browser'
  | 'state_unknown'
  | 'browser_changed'
  | 'consent_denied'
  | 'consent_of_another_person'
  | 'entra_refused'
  | 'entra_unavailable'
  | 'tenant_not_allowed'
  | 'revoked'
  | 'code_unknown'
  | 'code_replayed'
  | 'code_of_another_client'
  | 'code_verifier_wrong'
  | 'refresh_token_unknown'
  | 'refresh_token_of_another_client'
  | 'refresh_token_reused'
  | 'grant_ended'
  | 'assertion_refused'
  | 'registration_refused'
  | 'token_unknown';

/**
 * Returns a failure of an OAuth endpoint. `members.error` holds the code. `members.reason` goes to the audit trail only. The message
 * holds the characters of `error_description` only: printable ASCII without `"` and `\`.
 */
export const oauthFailure = (error: OAuthErrorCode, reason: SignInReason, message: string): Failure =>
  fail({ kind: kinds[error], message, members: { error, reason } });

const isCode = (text: unknown): text is OAuthErrorCode =>
  typeof text === 'string' && Object.hasOwn(kinds, text);

/** Codes of failures that have no code of their own, because no OAuth endpoint made them. */
const codes: Partial<Record<ErrorKind, OAuthErrorCode>> = {
  unauthenticated: 'invalid_client',
  forbidden: 'access_denied',
  unavailable: 'temporarily_unavailable',
  timeout: 'temporarily_unavailable',
  exhausted: 'temporarily_unavailable',
  internal: 'server_error',
};

/** Returns the OAuth error code of a failure. */
export function oauthErrorOf({ error: { kind, members } }: Failure): OAuthErrorCode {
  return isCode(members?.['error']) ? members['error'] : (codes[kind] ?? 'invalid_request');
}

/** Returns the reason of a failure for the audit trail. */
export function reasonOf({ error: { members, kind } }: Failure): string {
  return typeof members?.['reason'] === 'string' ? members['reason'] : kind;
}
