import type { Config } from './config.ts';

/** Returns the keys of a connection string of Storage or Service Bus. An `https://` endpoint has none. */
export const keysIn = (connection: string): readonly string[] =>
  [...connection.matchAll(/(?:AccountKey|SharedAccessKey|SharedAccessSignature)=([^;]+)/gi)].map(
    ([, key = '']) => key,
  );

/** Returns the password of a Redis URL, as it is written and as it is sent. */
export function redisPassword(url: string): readonly string[] {
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
}

/** Returns the storage account without the key to it. */
export const tablesPlace = (connection: string): unknown =>
  connection.startsWith('https://')
    ? new URL(connection).origin
    : connection
        .split(';')
        .filter((part) => part !== '' && !/^(AccountKey|SharedAccessSignature)=/i.test(part))
        .sort();

/** Returns the host name of the Service Bus namespace. */
export const serviceBusPlace = (serviceBus: Config['serviceBus']): unknown =>
  'connectionString' in serviceBus
    ? /Endpoint=sb:\/\/([^;/]+)/i.exec(serviceBus.connectionString)?.[1]?.toLowerCase()
    : serviceBus.fullyQualifiedNamespace.toLowerCase();

/** Returns the Redis database without the password to it. */
export function redisPlace(url: string): unknown {
  const { protocol, host, username, pathname } = new URL(url);
  return { protocol, host, username, database: pathname.replace(/^\//, '') || '0' };
}
