import { succeed } from '../../../shared/platform/base/result.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import { type Form, takesForm } from '../../http/form.ts';
import type { Route } from '../../http/route.ts';
import { oauthErrorAnswer } from './answers.ts';
import type { OAuthDeps } from './deps.ts';

/** The token endpoint (RFC 6749, section 3.2). */
export function tokenRoute({ issueToken, record }: OAuthDeps): Route<Form> {
  return {
    name: 'oauth-token',
    method: 'POST',
    path: 'oauth/token',
    permission: 'anonymous',
    isLimited: true,
    query: 'any',
    ...takesForm,
    formatError: oauthErrorAnswer,
    async handle({ body, headers, trace, address }) {
      const issued = await issueToken(body, headers, address);
      const act = { action: 'sign_in.token', trace } as const;
      if (!issued.ok) {
        record({ ...act, resource: body['client_id'] ?? '', error: issued.error });
        return issued;
      }
      const { actor, answer } = issued.value;
      record({ ...act, resource: actor.clientId, person: actor });
      return succeed({ status: 200, body: answer, headers: { ...secretUrlHeaders, pragma: 'no-cache' } });
    },
  };
}
