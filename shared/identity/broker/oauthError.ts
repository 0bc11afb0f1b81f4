import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import { fail, type Failure } from '../../platform/base/result.ts';

/** The error codes of the OAuth endpoints (RFC 6749, sections 4.1.2.1 and 5.2; RFC 7591, section 3.2.2; RFC 8707, section 2). */
const kinds = {
  invalid_request: 'invalid',
  invalid_client: 'unauthenticated',
  invalid_grant: 'invalid',
  invalid_scope: 'invalid',
  invalid_target: 'invalid',
  invalid_redirect_uri: 'invalid',
  invalid_client_metadata: 'invalid',
  unauthorized_client: 'forbidden',
  unsupported_grant_type: 'invalid',
  unsupported_response_type: 'invalid',
  access_denied: 'forbidden',
  temporarily_unavailable: 'unavailable',
  server_error: 'internal',
} as const satisfies Record<string, ErrorKind>;
export type OAuthErrorCode = keyof typeof kinds;

/** Returns a failure that the client reads as this code. */
export const oauthFailure = (code: OAuthErrorCode, message: string): Failure =>
  fail({ kind: kinds[code], message, members: { error: code } });

/** Returns the code of an error: the one that it names, or one that follows from its kind. */
export function oauthCodeOf(
  error: DomainError,
  whenInvalid: OAuthErrorCode = 'invalid_request',
): OAuthErrorCode {
  const named = error.members?.['error'];
  if (typeof named === 'string' && Object.hasOwn(kinds, named)) return named as OAuthErrorCode;
  switch (error.kind) {
    case 'unauthenticated':
      return 'invalid_client';
    case 'forbidden':
      return 'access_denied';
    case 'unavailable':
    case 'timeout':
    case 'exhausted':
      return 'temporarily_unavailable';
    case 'internal':
      return 'server_error';
    default:
      return whenInvalid;
  }
}
