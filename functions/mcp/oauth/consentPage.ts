import * as z from 'zod';
import {
  type AuthorizationRequest,
  authorizationRequestSchema,
} from '../../../shared/identity/broker/authorizationRequest.ts';
import type { OAuthClient } from '../../../shared/identity/broker/client.ts';
import { isLoopback } from '../../../shared/identity/broker/redirectUris.ts';
import { GRANT_MS, SIGN_IN_MS } from '../../../shared/identity/limits.ts';
import { type Html, html } from '../../../shared/platform/http/html.ts';
import { page } from '../../http/page.ts';
import type { OAuthDeps } from './deps.ts';

/** The cookie that ties the page's form to the browser that got the page. */
const PAGE_COOKIE = 'mreg-page';

const formSchema = z.object({ request: authorizationRequestSchema, endsAt: z.number() });

type PageDeps = Pick<OAuthDeps, 'seal' | 'clock' | 'newSecret' | 'cookies' | 'entraOrigin'>;

/** Returns the page that asks a person whether a client may act for them. */
export function consentPage(
  client: OAuthClient,
  request: AuthorizationRequest,
  headers: Headers,
  { seal, clock, newSecret, cookies, entraOrigin }: PageDeps,
): Response {
  const known = cookies.read(headers, PAGE_COOKIE);
  const browser = known !== undefined && /^[\w-]{43}$/.test(known) ? known : newSecret();
  const content = { request, endsAt: clock.now().getTime() + SIGN_IN_MS };
  const form = seal.close('sign_in', ['page', browser], content);
  return page(
    `Let ${client.name} use the gateway?`,
    html`${noteOn(client, request)}
      <dl>
        <dt>Client</dt>
        <dd>${client.name}${client.kind === 'preset' ? '' : ' (a name that nobody has verified)'}</dd>
        ${client.kind === 'document' ? term('Vouched for by', new URL(client.id).host) : []}
        ${term('The answer goes to', targetOf(request.redirectUri))} ${term('It may use', request.resource)}
        ${term('As', 'you, with your roles, until you or an administrator ends it')}
        ${term('For', `at most ${GRANT_MS / 86_400_000} days, also while you are away`)}
      </dl>
      <p>You sign in with your work account next.</p>
      <form method="post" action="/oauth/consent">
        <input type="hidden" name="form" value="${form}" />
        <div class="actions">
          <button name="decision" value="allow">Continue</button>
          <button name="decision" value="deny" class="secondary">Cancel</button>
        </div>
      </form>`,
    {
      // A browser also checks the redirects that follow the form: to Entra, which may redirect further, and to the client.
      formTargets: [
        ...new Set(['https:', ...[entraOrigin, request.redirectUri].map((uri) => new URL(uri).protocol)]),
      ],
      headers: {
        'set-cookie': cookies.write({ name: PAGE_COOKIE, value: browser, maxAgeMs: SIGN_IN_MS }),
        // Under `no-referrer` a browser sends `Origin: null` with the form.
        'referrer-policy': 'same-origin',
      },
    },
  );
}

const term = (name: string, value: string): Html =>
  html`<dt>${name}</dt>
    <dd>${value}</dd>`;

/** Returns where the answer goes, as a person reads it. */
function targetOf(redirectUri: string): string {
  if (isLoopback(redirectUri)) return 'an app on this computer';
  const { protocol, host } = new URL(redirectUri);
  return protocol === 'https:' ? host : `the app on this device that opens ${protocol} links`;
}

/** Any program on the machine can receive the answer there, under the name of any client (RFC 8252, section 8.6). */
const noteOn = (client: OAuthClient, { redirectUri }: AuthorizationRequest): Html | readonly Html[] =>
  client.kind !== 'preset' && new URL(redirectUri).protocol !== 'https:'
    ? html`<p class="note">
        Continue only if you have just started this sign-in on this computer: any program on it can use this
        name.
      </p>`
    : [];

/** Returns the request of the page's form, or `undefined` for a form of another browser, an old one, or one that was changed. */
export function requestOfForm(
  form: string | undefined,
  headers: Headers,
  { seal, clock, cookies }: PageDeps,
): AuthorizationRequest | undefined {
  const browser = cookies.read(headers, PAGE_COOKIE);
  if (form === undefined || browser === undefined) return undefined;
  const content = formSchema.safeParse(seal.open('sign_in', ['page', browser], form)).data;
  return content && content.endsAt > clock.now().getTime() ? content.request : undefined;
}
