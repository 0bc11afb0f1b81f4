import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Failure } from '../../platform/base/result.ts';
import { type OAuthErrorCode, oauthFailure } from './oauthError.ts';

/** Why a sign-in was refused, for the audit trail. A caller never sees it. */
export type SignInReason =
  | 'client_refused'
  | 'assertion_refused'
  | 'redirect_uri_refused'
  | 'request_malformed'
  | 'resource_unknown'
  | 'page_of_another_origin'
  | 'page_of_another_browser'
  | 'consent_denied'
  | 'consent_of_another_person'
  | 'state_unknown'
  | 'browser_changed'
  | 'entra_refused'
  | 'entra_unavailable'
  | 'tenant_changed'
  | 'revoked'
  | 'code_unknown'
  | 'code_replayed'
  | 'code_of_another_client'
  | 'code_verifier_wrong'
  | 'refresh_token_unknown'
  | 'refresh_token_of_another_client'
  | 'refresh_token_reused'
  | 'grant_ended'
  | 'busy';

/** Returns a failure that the client reads as the code, and the audit trail as the reason. */
export function refused(code: OAuthErrorCode, reason: SignInReason, message: string): Failure {
  const { error } = oauthFailure(code, message);
  return because(reason, error);
}

/** Returns the failure with the reason for the audit trail. */
export const because = (reason: SignInReason, error: DomainError): Failure =>
  fail({ ...error, members: { ...error.members, reason } });

/** Returns the reason of an error for the audit trail; its kind where it has no reason. */
export const reasonOf = ({ members, kind }: DomainError): string =>
  typeof members?.['reason'] === 'string' ? members['reason'] : kind;

/** Returns a message in the characters of `error_description` (RFC 6749, section 4.1.2.1). */
export const asDescription = (message: string): string =>
  message.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'");
