import type { AuthenticateClient } from '../../../shared/identity/broker/authenticateClient.ts';
import { oauthFailure } from '../../../shared/identity/broker/oauthError.ts';
import { revokeToken, type RevokeTokenDeps } from '../../../shared/identity/broker/revokeToken.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import { type Form, takesForm } from '../../http/form.ts';
import type { Route } from '../../http/route.ts';
import { oauthErrorAnswer } from './answers.ts';
import type { RecordSignIn } from './record.ts';

export interface RevokeDeps extends RevokeTokenDeps {
  readonly authenticateClient: AuthenticateClient;
  readonly record: RecordSignIn;
}

/** `POST /oauth/revoke`: a client signs its user out (RFC 7009). */
export const revokeRoute = (deps: RevokeDeps): Route<Form> => ({
  name: 'oauth-revoke',
  method: 'POST',
  path: 'oauth/revoke',
  permission: 'anonymous',
  isLimited: true,
  query: 'any',
  ...takesForm,
  formatError: oauthErrorAnswer,
  async handle({ body, headers, trace, address }) {
    const act = { action: 'sign_in.revoke', trace } as const;
    const client = await deps.authenticateClient(body, headers, address);
    const revoked = !client.ok
      ? client
      : body['token'] === undefined
        ? oauthFailure('invalid_request', 'token is required')
        : await revokeToken(body['token'], client.value, deps);
    if (!revoked.ok) {
      deps.record({ ...act, resource: body['client_id'] ?? '', error: revoked.error });
      return revoked;
    }
    const origin = revoked.value;
    if (origin) deps.record({ ...act, resource: origin.clientId, person: origin });
    return succeed({ status: 200, body: {}, headers: secretUrlHeaders });
  },
});
