import { oauthCodeOf } from '../../../shared/identity/broker/oauthError.ts';
import { asDescription } from '../../../shared/identity/broker/signInRefusal.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { html } from '../../../shared/platform/http/html.ts';
import { retryAfter, toProblem } from '../../../shared/platform/http/problem.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import { page } from '../../http/page.ts';
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

/** Returns an error of a page that a person sees. It never redirects. */
export const errorPage = (error: DomainError): Response =>
  page(
    'You are not signed in',
    html`<p>${asSentence(error.message)}</p>
      <p>Go back to your client and begin the sign-in again.</p>`,
    { status: toProblem(error).status, headers: retryAfter(error) },
  );

/** Messages are parts of sentences, as they are in logs and in JSON. A parameter, such as `redirect_uri`, keeps its name. */
const asSentence = (message: string): string =>
  `${message.replace(/^[a-z]+(?= )/, (word) => word.charAt(0).toUpperCase() + word.slice(1))}.`;

/** Returns a redirect of the browser (RFC 9110, section 15.4.4): `GET`, whatever the method was. */
export function redirect(location: string, setCookie?: string): Response {
  const headers = new Headers({ ...secretUrlHeaders, location });
  if (setCookie !== undefined) headers.set('set-cookie', setCookie);
  return new Response(null, { status: 303, headers });
}
