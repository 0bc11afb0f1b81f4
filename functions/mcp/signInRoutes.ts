import type { GrantName } from '../../shared/identity/broker/grant.ts';
import { openRefreshToken } from '../../shared/identity/broker/refreshTokens.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { connectAfterSignIn } from './connections/connected.ts';
import { connectRoutes } from './connections/routes.ts';
import { authorizeRoute } from './oauth/authorize.ts';
import { callbackRoute } from './oauth/callback.ts';
import { consentRoute } from './oauth/consent.ts';
import { cookiesOf } from './oauth/cookies.ts';
import type { OAuthDeps } from './oauth/deps.ts';
import { jwksRoute } from './oauth/jwks.ts';
import { serverMetadataRoutes } from './oauth/metadata.ts';
import { signInRecorder } from './oauth/record.ts';
import { registerRoute } from './oauth/register.ts';
import { revokeRoute } from './oauth/revoke.ts';
import { tokenRoute } from './oauth/token.ts';

/** The routes by which people sign in: at the gateway, and at upstream servers. None where people sign in to Entra only. */
export function signInRoutes(app: AppDeps): readonly Route<unknown>[] {
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
