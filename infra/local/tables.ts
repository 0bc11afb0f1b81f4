import { setTimeout as sleep } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
import topology from '../topology.json' with { type: 'json' };

/**
 * Creates the tables of `infra/topology.json` where they are missing. Goes on trying until the service
 * answers or `signal` aborts, which it throws.
 */
export async function createTables(connection: string, signal: AbortSignal): Promise<void> {
  await Promise.all(topology.tables.map((name) => createTable(connection, name, signal)));
}

async function createTable(connection: string, name: string, signal: AbortSignal): Promise<void> {
  const client = TableClient.fromConnectionString(connection, name, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
  for (;;) {
    try {
      // Succeeds for a new table and for one that exists.
      await client.createTable({ abortSignal: signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isUnreachable(error)) throw error;
      await sleep(50, undefined, { signal });
    }
  }
}

const isUnreachable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
