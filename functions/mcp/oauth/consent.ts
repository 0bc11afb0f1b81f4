import { refused } from '../../../shared/identity/broker/signInRefusal.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { redirect } from '../../http/answers.ts';
import { type Form, takesForm } from '../../http/form.ts';
import type { Route } from '../../http/route.ts';
import { errorPage } from './answers.ts';
import { refuseAt } from './authorize.ts';
import { requestOfForm } from './consentPage.ts';
import type { OAuthDeps } from './deps.ts';

/** Takes what a person decided on the consent page. Only a page of the gateway's own, in the browser that got it, may send it. */
export function consentRoute(deps: OAuthDeps): Route<Form> {
  return {
    name: 'oauth-consent',
    method: 'POST',
    path: 'oauth/consent',
    permission: 'anonymous',
    isLimited: true,
    ...takesForm,
    async handle({ body: { form, decision }, headers, trace }) {
      const refuse = (resource: string, error: DomainError, answer: Response): Response => {
        deps.record({ action: 'sign_in.consent', resource, error, trace });
        return answer;
      };
      if (headers.get('origin') !== deps.config.publicOrigin)
        return refuse('', otherOrigin.error, errorPage(otherOrigin.error));
      const request = requestOfForm(form, headers, deps);
      if (!request) return refuse('', otherBrowser.error, errorPage(otherBrowser.error));
      if (decision !== 'allow')
        return refuse(request.clientId, denied.error, refuseAt(request, denied.error, deps));
      const purpose = { kind: 'authorize', request } as const;
      const { location, cookie } = await deps.browserSignIns.begin(purpose, request.tenant);
      return redirect(location, deps.cookies.write(cookie));
    },
  };
}

const otherOrigin = refused(
  'access_denied',
  'page_of_another_origin',
  'the form was sent by a page of another site',
);
const otherBrowser = refused(
  'access_denied',
  'page_of_another_browser',
  'the page is older than ten minutes, or was opened in another browser',
);
const denied = refused('access_denied', 'consent_denied', 'the person did not agree');
