import { createAskToken } from '../../shared/identity/credentials/clientCredentials.ts';
import { createCredentials, type Credentials } from '../../shared/identity/credentials/credentials.ts';
import { createTokenExchange } from '../../shared/identity/credentials/tokenExchange.ts';
import { createCachedVerifier } from '../../shared/identity/tokens/cachedVerifier.ts';
import { appIdUriOf, scopeOf } from '../../shared/identity/tokens/refusals.ts';
import { tokenSettingsOf } from '../../shared/identity/tokens/tokenFacts.ts';
import { createTokenVerifier } from '../../shared/identity/tokens/verifyToken.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient, type OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { AppDeps } from './deps.ts';

const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';

/** Creates what depends on the token issuer: the verifier, the challenge for clients and the upstream credentials. */
export function openSignIn(
  config: Config,
  clock: Clock,
  identity: AppIdentity,
  outbound: OutboundClient,
): Pick<AppDeps, 'authority' | 'challenge' | 'verifyToken'> & { readonly credentials: Credentials } {
  const authority = config.localIssuer ?? ENTRA_AUTHORITY;
  const toAuthority = openOutboundClient(config.localIssuer === undefined ? 'public' : 'private_allowed');
  const challenge = { scope: scopeOf(appIdUriOf(config.apiClientId)) };
  const verifyToken = createCachedVerifier(
    createTokenVerifier(tokenSettingsOf(config, authority), { clock, outbound: toAuthority }),
    clock,
  );
  const credentials = createCredentials(config, {
    exchange: createTokenExchange(config, { authority, outbound: toAuthority, identity }),
    askToken: createAskToken({ outbound, clock }),
    identity,
    clock,
  });
  return { authority, challenge, verifyToken, credentials };
}
