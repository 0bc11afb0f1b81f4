import type { Config } from './config.ts';

/** Returns every secret of the settings. None may appear in a log. */
export function secretsOf(config: Config): readonly string[] {
  const { credentials, clientSecret, sealingKeys, redisUrl, tables, serviceBus } = config;
  const redis = redisUrl === undefined ? '' : new URL(redisUrl).password;
  return [
    ...Object.values(credentials).flatMap((credential) => ('value' in credential ? [credential.value] : [])),
    ...(clientSecret === undefined ? [] : [clientSecret]),
    ...sealingKeys,
    redis,
    decodeURIComponent(redis),
    ...keysIn(tables),
    ...('connectionString' in serviceBus ? keysIn(serviceBus.connectionString) : []),
  ];
}

/** The keys of a connection string. */
const keysIn = (connection: string): readonly string[] =>
  [...connection.matchAll(/(?:AccountKey|SharedAccessKey|SharedAccessSignature)=([^;]+)/gi)].map(
    ([, key = '']) => key,
  );
