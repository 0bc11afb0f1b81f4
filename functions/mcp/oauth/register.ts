import * as z from 'zod';
import {
  registerClient,
  registrableGrants,
  type Registration,
  type RegistrationDeps,
} from '../../../shared/identity/broker/clientRegistration.ts';
import { oauthFailure } from '../../../shared/identity/broker/oauthError.ts';
import { supportedScopes } from '../../../shared/identity/broker/serverMetadata.ts';
import { parseJsonBytes } from '../../../shared/platform/base/json.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import type { Route } from '../../http/route.ts';
import { oauthErrorAnswer } from './answers.ts';
import type { RecordSignIn } from './record.ts';

/** `POST /oauth/register`: a client that nobody knows registers itself (RFC 7591). Nobody has verified what it says. */
export const registerRoute = (
  deps: RegistrationDeps & { readonly record: RecordSignIn },
): Route<unknown> => ({
  name: 'oauth-register',
  method: 'POST',
  path: 'oauth/register',
  permission: 'anonymous',
  isLimited: true,
  query: 'any',
  body: z.unknown(),
  parseBytes: (bytes) => {
    const json = parseJsonBytes(bytes);
    return json === undefined
      ? oauthFailure('invalid_client_metadata', 'the body must be JSON')
      : succeed(json);
  },
  formatError: oauthErrorAnswer,
  async handle({ body, trace, address }) {
    const registered = await registerClient(body, deps, address);
    const act = { action: 'sign_in.register', trace } as const;
    if (!registered.ok) {
      deps.record({ ...act, resource: '', error: registered.error });
      return registered;
    }
    const { id, name } = registered.value.client;
    deps.record({ ...act, resource: id, resourceName: name });
    return succeed({ status: 201, body: view(registered.value), headers: secretUrlHeaders });
  },
});

/** RFC 7591, section 3.2.1. Nothing but disuse ends a secret: 0. */
const view = ({ client, redirectUris, authMethod, secret }: Registration) => ({
  client_id: client.id,
  client_id_issued_at: Math.floor(Date.parse(client.createdAt) / 1_000),
  ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
  client_name: client.name,
  redirect_uris: redirectUris,
  grant_types: registrableGrants,
  response_types: ['code'],
  token_endpoint_auth_method: authMethod,
  scope: supportedScopes.join(' '),
});
