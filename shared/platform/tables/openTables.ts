import { TableClient, TableServiceClient, type TableServiceClientOptions } from '@azure/data-tables';
import { InfrastructureError } from '../base/errors.ts';
import { azureTable } from './azureTable.ts';
import type { OpenTable } from './tables.ts';

/** Opens tables of one account. `connection` is a connection string, or an https endpoint for the app's identity. */
export function openTables(connection: string): OpenTable {
  return (name, codec) => {
    let opened: Promise<TableClient> | undefined;
    return azureTable(name, codec, () => (opened ??= openTableClient(connection, name)));
  };
}

/** Opens the SDK's client of one table, for stores that need more than `Table` offers. */
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

/** Returns the names of all tables of the account. */
export type ListTables = (signal: AbortSignal) => Promise<readonly string[]>;

/** @throws InfrastructureError when the account does not answer, or forbids to list its tables */
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

/** A caller waits. By default the SDK retries for many seconds, and waits without limit on a silent connection. */
const RETRIES = { maxRetries: 2, retryDelayInMs: 250, maxRetryDelayInMs: 2_000 };
const ATTEMPT_TIMEOUT_MS = 10_000;

const clientOptions: TableServiceClientOptions = {
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
