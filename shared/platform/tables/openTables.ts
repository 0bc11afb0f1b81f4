import type { TableClient, TableServiceClient, TableServiceClientOptions } from '@azure/data-tables';
import { InfrastructureError } from '../base/errors.ts';
import { lazily } from '../base/lazily.ts';
import type { AppIdentity } from '../managedIdentity/appIdentity.ts';
import { azureTable } from './azureTable.ts';
import { tableHttp } from './tableHttp.ts';
import type { OpenTable } from './tables.ts';

/** A storage account: a connection string, or the https endpoint of its table service and the identity that signs in to it. */
export type TablesConnection = string | { readonly endpoint: string; readonly identity: AppIdentity };

/** Returns the account of a setting, which is a connection string or an endpoint. */
export const tablesConnection = (setting: string, identity: AppIdentity): TablesConnection =>
  setting.startsWith('https://') ? { endpoint: setting, identity } : setting;

/** Opens tables of one account. */
export function openTables(connection: TablesConnection): OpenTable {
  return (name, codec) =>
    azureTable(
      name,
      codec,
      lazily(() => openTableClient(connection, name)),
    );
}

/** Opens the SDK's client of one table, for stores that need more than `Table` offers. */
export async function openTableClient(connection: TablesConnection, name: string): Promise<TableClient> {
  const { TableClient } = await import('@azure/data-tables');
  return typeof connection === 'string'
    ? TableClient.fromConnectionString(connection, name, optionsFor(connection))
    : new TableClient(connection.endpoint, name, connection.identity, clientOptions);
}

/** Returns the names of all tables of the account. */
export type ListTables = (signal: AbortSignal) => Promise<readonly string[]>;

/** @throws InfrastructureError when the account does not answer, or forbids to list its tables */
export const openListTables =
  (connection: TablesConnection): ListTables =>
  async (signal) => {
    try {
      const client = await openServiceClient(connection);
      const names: string[] = [];
      for await (const { name } of client.listTables({ abortSignal: signal }))
        if (name !== undefined) names.push(name);
      return names;
    } catch (error) {
      throw new InfrastructureError('tables', 'list tables', error);
    }
  };

async function openServiceClient(connection: TablesConnection): Promise<TableServiceClient> {
  const { TableServiceClient } = await import('@azure/data-tables');
  return typeof connection === 'string'
    ? TableServiceClient.fromConnectionString(connection, optionsFor(connection))
    : new TableServiceClient(connection.endpoint, connection.identity, clientOptions);
}

const optionsFor = (connectionString: string): TableServiceClientOptions => ({
  ...clientOptions,
  allowInsecureConnection: /Protocol=http(;|$)|UseDevelopmentStorage=true/i.test(connectionString),
});

/** A caller waits. By default the SDK retries for many seconds, and waits without limit on a silent connection. */
const RETRIES = { maxRetries: 2, retryDelayInMs: 250, maxRetryDelayInMs: 2_000 };
const ATTEMPT_TIMEOUT_MS = 10_000;

const clientOptions: TableServiceClientOptions = {
  httpClient: tableHttp,
  retryOptions: RETRIES,
  additionalPolicies: [
    {
      position: 'perCall',
      policy: {
        name: 'timeoutAndPlainAscii',
        sendRequest: (request, next) => {
          request.timeout = ATTEMPT_TIMEOUT_MS;
          // Azurite splits characters of several bytes where its reads of a long body end.
          if (typeof request.body === 'string')
            request.body = request.body.replace(/[^\0-\x7f]/g, escapeUnit);
          return next(request);
        },
      },
    },
  ],
};
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
