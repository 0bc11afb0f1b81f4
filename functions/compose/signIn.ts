import { exchangeForGrants } from '../../shared/identity/broker/entraTokens.ts';
import { createCredentials, type Credentials } from '../../shared/identity/credentials/credentials.ts';
import { createEntraSignIn } from '../../shared/identity/credentials/entraSignIn.ts';
import { createTokenExchange } from '../../shared/identity/credentials/tokenExchange.ts';
import { createCachedVerifier } from '../../shared/identity/tokens/cachedVerifier.ts';
import { appIdUriOf, scopeOf } from '../../shared/identity/tokens/refusals.ts';
import { tokenSettingsOf } from '../../shared/identity/tokens/tokenFacts.ts';
import { createTokenVerifier } from '../../shared/identity/tokens/verifyToken.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { PROTECTED_RESOURCE } from '../http/paths.ts';
import { type BrokerDeps, openBroker } from './broker.ts';
import type { AppDeps } from './deps.ts';

const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';

/** Creates what depends on the token issuer: the verifier, the challenge for clients and the upstream credentials. */
export function openSignIn(
  config: Config,
  identity: AppIdentity,
  deps: BrokerDeps,
): Pick<AppDeps, 'authority' | 'broker' | 'challenge' | 'verifyToken'> & {
  readonly credentials: Credentials;
} {
  const { clock } = deps;
  const authority = config.localIssuer ?? ENTRA_AUTHORITY;
  const toAuthority = openOutboundClient(config.localIssuer === undefined ? 'public' : 'private_allowed');
  const challenge = {
    scope: scopeOf(appIdUriOf(config.apiClientId)),
    // Of the management API. The MCP endpoints have their own.
    ...(config.signInClientId !== undefined && {
      resourceMetadata: `${config.managementOrigin}/${PROTECTED_RESOURCE}`,
    }),
  };
  const verifyToken = createCachedVerifier(
    createTokenVerifier(tokenSettingsOf(config, authority), { clock, outbound: toAuthority }),
    clock,
  );
  const toEntra = { authority, outbound: toAuthority, identity };
  const { signInClientId } = config;
  const broker =
    signInClientId === undefined
      ? undefined
      : openBroker(
          config,
          createEntraSignIn({ ...config, signInClientId }, { ...toEntra, verifyToken }),
          authority,
          deps,
        );
  const exchange = createTokenExchange(config, toEntra);
  const credentials = createCredentials(config, {
    exchange: broker ? exchangeForGrants(exchange, broker.grants, config.publicOrigin) : exchange,
    clock,
  });
  return { authority, broker, challenge, verifyToken, credentials };
}
