import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import type { App } from '../../shared/platform/config/config.ts';
import {
  apiClientId,
  defaultTenant,
  exampleSealingKey,
  localClientSecret,
  localOrigin,
  type Ports,
  secondTenant,
  signInClientId,
} from './defaults.ts';

/** The environment of one app; `local.settings.example.json` says the same for `func start`. */
export function appSettings(app: App, ports: Ports): Record<string, string> {
  return {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    // Two hosts on one storage account need different ids.
    AzureFunctionsWebHost__hostid: `mreg-${app}`,
    AzureWebJobsStorage: storageConnection(ports),
    MREG_APP: app,
    MREG_TABLES: storageConnection(ports),
    MREG_SERVICE_BUS: connectionStringFor(ports.serviceBus),
    MREG_API_CLIENT_ID: apiClientId,
    MREG_CLIENT_SECRET: localClientSecret,
    MREG_SIGN_IN_CLIENT_ID: signInClientId,
    MREG_SIGN_IN_CLIENT_SECRET: localClientSecret,
    MREG_SEALING_KEYS: exampleSealingKey,
    MREG_TENANTS: `${defaultTenant},${secondTenant}`,
    MREG_PUBLIC_ORIGIN: localOrigin(ports.mcp),
    MREG_MANAGEMENT_ORIGIN: localOrigin(ports.management),
    MREG_LOCAL_ISSUER: localOrigin(ports.issuer),
    MREG_PRIVATE_UPSTREAMS: 'allowed',
  };
}

/** Azurite's one account, with the key that is public knowledge. */
export function storageConnection(ports: Pick<Ports, 'blob' | 'queue' | 'table'>): string {
  const endpoint = (port: number) => `${localOrigin(port)}/devstoreaccount1`;
  return [
    'DefaultEndpointsProtocol=http',
    'AccountName=devstoreaccount1',
    'AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
    `BlobEndpoint=${endpoint(ports.blob)}`,
    `QueueEndpoint=${endpoint(ports.queue)}`,
    `TableEndpoint=${endpoint(ports.table)}`,
  ].join(';');
}
