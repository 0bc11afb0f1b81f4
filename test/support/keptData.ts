import { TableClient, TableServiceClient } from '@azure/data-tables';
import { Redis } from 'ioredis';
import { redisUrl } from '../../infra/local/redis.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import type { Topology } from '../../infra/local/topology.ts';

/** All that a topology keeps, as text: each row of each table, and each key of Redis with its value. */
export async function keptData({ ports, state }: Pick<Topology, 'ports' | 'state'>): Promise<string[]> {
  const connection = storageConnection(ports);
  const options = { allowInsecureConnection: true };
  const kept: string[] = [];
  for await (const { name = '' } of TableServiceClient.fromConnectionString(connection, options).listTables())
    for await (const row of TableClient.fromConnectionString(connection, name, options).listEntities())
      kept.push(`${name} ${JSON.stringify(row)}`);
  return state.kind === 'redis' ? [...kept, ...(await redisData(redisUrl(ports)))] : kept;
}

async function redisData(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('*');
    return await Promise.all(
      keys.map(async (key) => {
        const value = await redis.get(key).catch(async () => JSON.stringify(await redis.hgetall(key)));
        return `${key} ${value ?? ''}`;
      }),
    );
  } finally {
    redis.disconnect();
  }
}
