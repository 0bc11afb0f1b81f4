import { oauthCodeOf } from '../../../shared/identity/broker/oauthError.ts';
import { asDescription } from '../../../shared/identity/broker/signInRefusal.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import { problemPage } from '../../http/page.ts';
import type { Answer } from '../../http/route.ts';

/** Returns an error of an endpoint that clients call. A refusal is 400, and 401 for the client itself (RFC 6749, section 5.2). */
export function oauthErrorAnswer(error: DomainError): Answer {
  const code = oauthCodeOf(error);
  return {
    status: code === 'invalid_client' ? 401 : error.kind === 'forbidden' ? 400 : toProblem(error).status,
    body: { error: code, error_description: asDescription(error.message) },
    headers: {
      ...secretUrlHeaders,
      pragma: 'no-cache',
      // RFC 6749, section 5.2: a client that used the header gets the scheme back. The others ignore it.
      ...(code === 'invalid_client' && { 'www-authenticate': 'Basic realm="oauth"' }),
    },
  };
}

/** Returns the page for a person whose sign-in failed. */
export const errorPage = (error: DomainError): Response =>
  problemPage('You are not signed in', error, 'Go back to your client and begin the sign-in again.');
