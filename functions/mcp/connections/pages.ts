import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { html } from '../../../shared/platform/http/html.ts';
import { page, problemPage } from '../../http/page.ts';

/** The page that says which account is asked for, and where. Its button is a link: a form could not lead to another host. */
export const signInPage = (about: {
  readonly title: string;
  readonly serverHost: string;
  readonly accountHost: string;
  readonly next: string;
}): Response =>
  page(
    `Connect your account at ${about.title}?`,
    html`<p>The gateway then calls this server in your name, with what your account may do there.</p>
      <dl>
        <dt>Server</dt>
        <dd>${about.title} (${about.serverHost})</dd>
        <dt>You sign in at</dt>
        <dd>${about.accountHost}</dd>
      </dl>
      <p>You sign in with your work account first, so that nobody else can use this page.</p>
      <div class="actions"><a class="button" href="${about.next}">Continue</a></div>`,
  );

export const connectedPage = (
  { slug, issuer }: { readonly slug: string; readonly issuer: string },
  setCookie: string | undefined,
): Response =>
  page(
    'You are connected',
    html`<p>
        The gateway now uses your account at ${new URL(issuer).host} for the server "${slug}", and for your
        calls only.
      </p>
      <p>Go back to your client and repeat what you asked for. You can close this page.</p>`,
    { headers: setCookie === undefined ? {} : { 'set-cookie': setCookie } },
  );

/** Returns the page for a person whose account was not connected. */
export const notConnectedPage = (error: DomainError, setCookie?: string): Response =>
  problemPage(
    'Your account is not connected',
    error,
    'Go back to your client and repeat the call: you get a new link.',
    setCookie,
  );
