import { TableClient, TableServiceClient, type TableServiceClientOptions } from '@azure/data-tables';
import { azureTable } from './azureTable.ts';
import { InfrastructureError } from '../base/errors.ts';
import type { OpenTable } from './tables.ts';

/** Opens tables of one account. `connection` is a connection string, or an https endpoint for the app's identity. */
export function openTables(connection: string): OpenTable {
  return (name, codec) => {
    let opened: Promise<TableClient> | undefined;
    return azureTable(name, codec, () => (opened ??= openTableClient(connection, name)));
  };
}

/** The client that stores stand on: for what `Table` does not offer. */
export async function openTableClient(connection: string, name: string): Promise<TableClient> {
  if (!connection.startsWith('https://')) {
    return TableClient.fromConnectionString(connection, name, {
      ...clientOptions,
      allowInsecureConnection: isInsecure(connection),
    });
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new TableClient(connection, name, new DefaultAzureCredential(), clientOptions);
}

/** The names of all tables of the account. */
export type ListTables = (signal: AbortSignal) => Promise<readonly string[]>;

/** @throws InfrastructureError when the account does not answer, or does not let its tables be listed. */
export const openListTables =
  (connection: string): ListTables =>
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

async function openServiceClient(connection: string): Promise<TableServiceClient> {
  if (!connection.startsWith('https://')) {
    return TableServiceClient.fromConnectionString(connection, {
      ...clientOptions,
      allowInsecureConnection: isInsecure(connection),
    });
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new TableServiceClient(connection, new DefaultAzureCredential(), clientOptions);
}

const isInsecure = (connection: string): boolean =>
  /Protocol=http(;|$)|UseDevelopmentStorage=true/i.test(connection);

const clientOptions: TableServiceClientOptions = {
  // A caller waits: the SDK by itself tries for many seconds, and for ever where a connection stays silent.
  retryOptions: { maxRetries: 2, retryDelayInMs: 250, maxRetryDelayInMs: 2_000 },
  additionalPolicies: [
    {
      position: 'perCall',
      policy: {
        name: 'patienceAndPlainAscii',
        sendRequest: (request, next) => {
          request.timeout = 10_000;
          // Azurite tears characters of several bytes where its reads of a long body end.
          if (typeof request.body === 'string')
            request.body = request.body.replace(/[^\0-\x7f]/g, escapeUnit);
          return next(request);
        },
      },
    },
  ],
};
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
