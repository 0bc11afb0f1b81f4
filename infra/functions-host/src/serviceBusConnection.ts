import { ServiceBusClient, type ServiceBusClientOptions } from '@azure/service-bus';
import type { HostConfig } from './hostConfig.ts';

/** A namespace, and how a trigger signs in to it. `clientId` is absent for a system-assigned identity. */
export type ServiceBusConnection =
  | { readonly connectionString: string }
  | { readonly fullyQualifiedNamespace: string; readonly clientId: string | undefined };

/**
 * Reads a connection from the settings that begin with its name, as Azure's trigger does. @throws Error when it is incomplete.
 * Source: "Azure Service Bus trigger for Azure Functions", identity-based connections.
 */
export function connectionOf(name: string, settings: HostConfig['settings']): ServiceBusConnection {
  const connectionString = settings[name] ?? settings[`AzureWebJobs${name}`];
  if (connectionString !== undefined) return { connectionString };
  const fullyQualifiedNamespace = settings[`${name}__fullyQualifiedNamespace`];
  if (fullyQualifiedNamespace === undefined)
    throw new Error(`its connection string, the setting ${name}, is missing`);
  const credential = settings[`${name}__credential`];
  if (credential === undefined) return { fullyQualifiedNamespace, clientId: undefined };
  if (credential !== 'managedidentity')
    throw new Error(`its setting ${name}__credential must be managedidentity here`);
  return { fullyQualifiedNamespace, clientId: settings[`${name}__clientId`] };
}

/** Opens a client. MSAL is imported with the first token. */
export function openClient(
  connection: ServiceBusConnection,
  options: ServiceBusClientOptions,
): ServiceBusClient {
  if ('connectionString' in connection) return new ServiceBusClient(connection.connectionString, options);
  const { fullyQualifiedNamespace, clientId } = connection;
  return new ServiceBusClient(
    fullyQualifiedNamespace,
    { getToken: (scopes) => tokenOf(clientId, [scopes].flat().join(' ')) },
    options,
  );
}

async function tokenOf(
  clientId: string | undefined,
  resource: string,
): Promise<{ token: string; expiresOnTimestamp: number }> {
  const { ManagedIdentityApplication } = await import('@azure/msal-node');
  const identity = clientId === undefined ? {} : { userAssignedClientId: clientId };
  // All applications of a process share one cache of tokens.
  const application = new ManagedIdentityApplication({ managedIdentityIdParams: identity });
  const { accessToken, expiresOn } = await application.acquireToken({ resource });
  return { token: accessToken, expiresOnTimestamp: expiresOn?.getTime() ?? Date.now() };
}
