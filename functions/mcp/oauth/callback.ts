import { answerUri } from '../../../shared/identity/broker/authorizationRequest.ts';
import { grantCode } from '../../../shared/identity/broker/authorize.ts';
import type { SignInPurpose } from '../../../shared/identity/broker/browserSignIn.ts';
import { refused } from '../../../shared/identity/broker/signInRefusal.ts';
import type { EntraTokens } from '../../../shared/identity/credentials/entraSignIn.ts';
import type { Result } from '../../../shared/platform/base/result.ts';
import type { Trace } from '../../../shared/platform/telemetry/trace.ts';
import { redirect } from '../../http/answers.ts';
import type { Route } from '../../http/route.ts';
import { errorPage } from './answers.ts';
import { refuseAt } from './authorize.ts';
import type { OAuthDeps } from './deps.ts';
import { rememberConsent } from './rememberedConsents.ts';

/** What follows a sign-in for one purpose. `person` is a failure where Entra refused. */
export type FollowUp<Kind extends SignInPurpose['kind']> = (
  purpose: Extract<SignInPurpose, { readonly kind: Kind }>,
  person: Result<EntraTokens>,
  call: { readonly headers: Headers; readonly trace: Trace },
) => Promise<Response>;

export type FollowUps = { readonly [Kind in SignInPurpose['kind']]?: FollowUp<Kind> };

/** Where a browser comes back from Entra: the one redirect URI of the gateway there. */
export function callbackRoute(deps: OAuthDeps, further: Omit<FollowUps, 'authorize'> = {}): Route {
  const followUps: FollowUps = { ...further, authorize: authorized(deps) };
  return {
    name: 'oauth-callback',
    method: 'GET',
    path: 'oauth/callback',
    permission: 'anonymous',
    isLimited: true,
    query: 'any',
    async handle({ query, headers, trace }) {
      const { purpose, person } = await deps.browserSignIns.end({
        state: query.get('state'),
        code: query.get('code'),
        error: query.get('error'),
        cookie: (name) => deps.cookies.read(headers, name),
      });
      if (purpose) return follow(followUps, purpose, person, { headers, trace });
      const { error } = person.ok ? unknownState : person;
      deps.record({ action: 'sign_in.authorize', resource: '', error, trace });
      return errorPage(error);
    },
  };
}

function follow(
  followUps: FollowUps,
  purpose: SignInPurpose,
  person: Result<EntraTokens>,
  call: Parameters<FollowUp<'authorize'>>[2],
): Promise<Response> {
  const absent = () => Promise.resolve(errorPage(unknownState.error));
  switch (purpose.kind) {
    case 'authorize':
      return (followUps.authorize ?? absent)(purpose, person, call);
    case 'connect':
      return (followUps.connect ?? absent)(purpose, person, call);
  }
}

/** Sends the browser back to the client, with a code. */
function authorized(deps: OAuthDeps): FollowUp<'authorize'> {
  return async (purpose, signedIn, { headers, trace }) => {
    const { request, remembered } = purpose;
    const act = { resource: request.clientId, resourceName: request.clientName, trace };
    if (!signedIn.ok) {
      deps.record({ ...act, action: 'sign_in.authorize', error: signedIn.error });
      return refuseAt(request, signedIn.error, deps);
    }
    const person = signedIn.value.actor;
    const granted = await grantCode(purpose, signedIn.value, deps);
    if (!granted.ok) {
      deps.record({ ...act, action: 'sign_in.authorize', person, error: granted.error });
      return refuseAt(request, granted.error, deps);
    }
    if (granted.value === 'ask') {
      deps.record({ ...act, action: 'sign_in.consent', person, error: otherPerson.error });
      const cookie = rememberConsent(request, undefined, headers, deps);
      return redirect(authorizeUri(purpose, deps), cookie && deps.cookies.write(cookie));
    }
    if (!remembered) deps.record({ ...act, action: 'sign_in.consent', person });
    deps.record({ ...act, action: 'sign_in.authorize', person });
    const { code } = granted.value;
    const cookie = rememberConsent(request, person, headers, deps);
    const location = answerUri(request.redirectUri, deps.config.publicOrigin, { code, state: request.state });
    return redirect(location, cookie && deps.cookies.write(cookie));
  };
}

/** Returns the request of a client as its URL, so that the person is asked. */
function authorizeUri(
  { request }: Extract<SignInPurpose, { kind: 'authorize' }>,
  { config }: Pick<OAuthDeps, 'config'>,
): string {
  const query = new URLSearchParams({
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    response_type: 'code',
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    resource: request.resource,
    scope: request.scopes.join(' '),
    prompt: 'consent',
    ...(request.state !== undefined && { state: request.state }),
  });
  return `${config.publicOrigin}/oauth/authorize?${query.toString()}`;
}

const unknownState = refused('invalid_request', 'state_unknown', 'this sign-in has expired');
const otherPerson = refused(
  'access_denied',
  'consent_of_another_person',
  'the consent in this browser is not of the person who signed in',
);
