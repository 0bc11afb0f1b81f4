import {
  answerUri,
  type AuthorizationRequest,
  readAuthorizationRequest,
  type VerifiedClient,
  verifyClient,
} from '../../../shared/identity/broker/authorizationRequest.ts';
import { oauthCodeOf } from '../../../shared/identity/broker/oauthError.ts';
import { isLoopback } from '../../../shared/identity/broker/redirectUris.ts';
import { asDescription } from '../../../shared/identity/broker/signInRefusal.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { redirect } from '../../http/answers.ts';
import { fieldsOf } from '../../http/form.ts';
import type { Route } from '../../http/route.ts';
import { errorPage } from './answers.ts';
import { consentPage } from './consentPage.ts';
import type { OAuthDeps } from './deps.ts';
import { rememberedConsent } from './rememberedConsents.ts';

/** Returns the redirect that tells a client why it gets no code. */
export const refuseAt = (
  { redirectUri, state }: Pick<AuthorizationRequest, 'redirectUri' | 'state'>,
  error: DomainError,
  { config }: Pick<OAuthDeps, 'config'>,
): Response =>
  redirect(
    answerUri(redirectUri, config.publicOrigin, {
      state,
      error: oauthCodeOf(error),
      error_description: asDescription(error.message),
    }),
  );

/**
 * Returns whether a client learns a fault of its request before a person agreed. Anybody can register a client with any site: a
 * redirect there would make the gateway's host a lure for phishing (RFC 9700, section 4.11.2).
 */
const mayLearnAtOnce = ({ client, redirectUri }: VerifiedClient): boolean =>
  client.kind === 'preset' || isLoopback(redirectUri);

/** The authorization endpoint (RFC 6749, section 3.1): shows a person which client asks, before the person signs in. */
export function authorizeRoute(deps: OAuthDeps): Route {
  return {
    name: 'oauth-authorize',
    method: 'GET',
    path: 'oauth/authorize',
    permission: 'anonymous',
    isLimited: true,
    query: 'any',
    async handle({ query, headers, trace, address }) {
      const resource = query.get('client_id') ?? '';
      const refuse = (error: DomainError, answer: Response): Response => {
        deps.record({ action: 'sign_in.authorize', resource, error, trace });
        return answer;
      };
      const fields = fieldsOf(query);
      if (!fields.ok) return refuse(fields.error, errorPage(fields.error));
      const verified = await verifyClient(fields.value, deps.clients, address);
      if (!verified.ok) return refuse(verified.error, errorPage(verified.error));
      const { client, redirectUri } = verified.value;
      const request = readAuthorizationRequest(fields.value, verified.value, deps.config);
      if (!request.ok) {
        const { state } = fields.value;
        const answer = mayLearnAtOnce(verified.value)
          ? refuseAt({ redirectUri, state }, request.error, deps)
          : errorPage(request.error);
        return refuse(request.error, answer);
      }
      const asksAgain = query.get('prompt') === 'consent';
      const remembered = asksAgain ? undefined : rememberedConsent(request.value, headers, deps);
      if (!remembered) return consentPage(client, request.value, headers, deps);
      const purpose = { kind: 'authorize', request: request.value, remembered } as const;
      const { location, cookie } = await deps.browserSignIns.begin(purpose, request.value.tenant);
      return redirect(location, deps.cookies.write(cookie));
    },
  };
}
