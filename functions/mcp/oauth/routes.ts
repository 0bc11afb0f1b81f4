import type { GrantName } from '../../../shared/identity/broker/grant.ts';
import { openRefreshToken } from '../../../shared/identity/broker/refreshTokens.ts';
import type { AppDeps } from '../../compose/deps.ts';
import type { Route } from '../../http/route.ts';
import { connectAfterSignIn } from '../connections/connected.ts';
import { connectRoutes } from '../connections/routes.ts';
import { authorizeRoute } from './authorize.ts';
import { callbackRoute } from './callback.ts';
import { consentRoute } from './consent.ts';
import { cookiesOf } from './cookies.ts';
import type { OAuthDeps } from './deps.ts';
import { jwksRoute } from './jwks.ts';
import { serverMetadataRoutes } from './metadata.ts';
import { signInRecorder } from './record.ts';
import { registerRoute } from './register.ts';
import { revokeRoute } from './revoke.ts';
import { tokenRoute } from './token.ts';

/** The routes of the authorization server of the gateway's own; none where people sign in to Entra only. */
export function oauthRoutes(app: AppDeps): readonly Route<unknown>[] {
  const { broker, accounts, config, seal, clock, newSecret } = app;
  if (!broker) return [];
  const cookies = cookiesOf(config.publicOrigin);
  const deps: OAuthDeps = { ...broker, config, seal, clock, newSecret, cookies, record: signInRecorder(app) };
  const connect = accounts && { ...app, ...deps, accounts };
  const { signer, grants, registeredClients } = broker;
  const registration = { ...deps, registeredClients, state: app.shortLived, newId: app.newId };
  const revocation = {
    ...deps,
    issuer: config.publicOrigin,
    publicKeys: signer.publicKeys,
    openRefreshToken: (token: string) => openRefreshToken(seal, token),
    endGrant: (grant: GrantName) => grants.end(grant),
  };
  return [
    authorizeRoute(deps),
    consentRoute(deps),
    callbackRoute(deps, connect ? { connect: connectAfterSignIn(connect) } : {}),
    tokenRoute(deps),
    registerRoute(registration),
    revokeRoute(revocation),
    jwksRoute(signer),
    ...serverMetadataRoutes(app),
    ...(connect ? connectRoutes(connect) : []),
  ];
}
