import { isId } from '../../platform/base/ids.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { secretHashOf } from './authenticateClient.ts';
import type { OAuthClient, OAuthClients } from './client.ts';
import { isDocumentUrl } from './clientDocument.ts';
import { createClientDocuments } from './clientDocuments.ts';
import { findRegistered, type RegistrationDeps } from './clientRegistration.ts';

export interface OAuthClientsDeps extends Pick<RegistrationDeps, 'registeredClients' | 'clock'> {
  readonly config: Pick<Config, 'clients' | 'privateUpstreams'>;
  readonly outbound: OutboundClient;
}

/** Finds clients: those of the settings first, then by the document at their id, then those that registered themselves. */
export function createOAuthClients(deps: OAuthClientsDeps): OAuthClients {
  const presets = new Map(Object.entries(deps.config.clients).map((entry) => [entry[0], presetOf(entry)]));
  const documents = createClientDocuments({ ...deps, allowsLoopback: deps.config.privateUpstreams });
  return {
    async find(clientId, address) {
      const preset = presets.get(clientId);
      if (preset) return succeed(preset);
      if (isDocumentUrl(clientId)) return documents.find(clientId, address);
      const registered = isId(clientId) ? await findRegistered(clientId, deps) : undefined;
      return registered ? succeed(registered) : unknown;
    },
  };
}

const unknown = fail({
  kind: 'invalid',
  message:
    'no client has this client id: a registration ends 90 days after its last use, so let the client register again',
});

const presetOf = ([id, { name, redirectUris, secret }]: [
  string,
  Config['clients'][string],
]): OAuthClient => ({
  id,
  kind: 'preset',
  name,
  redirectUris,
  ...(secret !== undefined && { secretHash: secretHashOf(secret) }),
});
