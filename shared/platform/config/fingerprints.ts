import { createHash, createHmac } from 'node:crypto';
import { canonicalJson } from '../base/canonicalJson.ts';
import type { Config } from './config.ts';
import type { SettingName } from './settings.ts';

/** By setting: two apps with the same one have the same value. */
export type Fingerprints = Readonly<Partial<Record<SettingName, string>>>;

const LENGTH = 16;

/**
 * Fingerprints of those settings that are set. They are made with a key that is not where they are kept: whoever reads them
 * cannot try out values, of which some are few. Of a connection it is the place that counts and not the key to it, so that
 * two apps may use different keys, and no such key goes into a fingerprint, nor does the secret of the app registration.
 */
export function fingerprintsOf(config: Config, set: readonly SettingName[], key: string): Fingerprints {
  return Object.fromEntries(
    set.map((name) => {
      const text = `${name}\0${canonicalJson(valueOf[name](config) ?? null)}`;
      return [name, createHmac('sha256', key).update(text).digest('base64url').slice(0, LENGTH)];
    }),
  );
}

/** Names a key without telling it: fingerprints made with different keys say nothing of each other. */
export const keyIdOf = (key: string): string =>
  createHash('sha256').update(`key id\0${key}`).digest('base64url').slice(0, 8);

/** As the apps understand them: what they read alike is alike. */
const valueOf: Readonly<Record<SettingName, (config: Config) => unknown>> = {
  MREG_APP: ({ app }) => app,
  MREG_TABLES: ({ tables }) => tablesPlace(tables),
  MREG_SERVICE_BUS: ({ serviceBus }) => busPlace(serviceBus),
  MREG_SERVICE_BUS__fullyQualifiedNamespace: ({ serviceBus }) => busPlace(serviceBus),
  MREG_REDIS_URL: ({ redisUrl }) => redisUrl && redisPlace(redisUrl),
  MREG_API_CLIENT_ID: ({ apiClientId }) => apiClientId,
  // That there is one: two secrets of one registration are as good as one.
  MREG_CLIENT_SECRET: ({ clientSecret }) => clientSecret !== undefined,
  // Both apps must open what either of them seals.
  MREG_SEALING_KEYS: ({ sealingKeys }) => [...sealingKeys].sort(),
  // Their order counts: the first is the one whose gateway this is.
  MREG_TENANTS: ({ tenants }) => [...tenants],
  MREG_PUBLIC_ORIGIN: ({ publicOrigin }) => publicOrigin,
  MREG_MANAGEMENT_ORIGIN: ({ managementOrigin }) => managementOrigin,
  MREG_ALLOWED_ORIGINS: ({ allowedOrigins }) => [...allowedOrigins].sort(),
  MREG_QUALITY_GATES: ({ qualityGates }) => qualityGates,
  MREG_EVENT_ROUTES: ({ eventRoutes }) => eventRoutes,
  MREG_EXTERNAL_AGENTS: ({ externalAgents }) => [...externalAgents].sort(),
  MREG_CREDENTIALS: ({ credentials }) => credentials,
  MREG_UPSTREAM_REGISTRY: ({ upstreamRegistry }) => upstreamRegistry,
  MREG_LOCAL_ISSUER: ({ localIssuer }) => localIssuer,
  MREG_PRIVATE_UPSTREAMS: ({ privateUpstreams }) => privateUpstreams,
};

const SECRET_PARTS = /^(AccountKey|SharedAccessSignature)=/i;

const tablesPlace = (connection: string): unknown =>
  connection.startsWith('https://')
    ? new URL(connection).origin
    : connection
        .split(';')
        .filter((part) => part !== '' && !SECRET_PARTS.test(part))
        .sort();

const busPlace = (serviceBus: Config['serviceBus']): unknown =>
  'connectionString' in serviceBus
    ? /Endpoint=sb:\/\/([^;/]+)/i.exec(serviceBus.connectionString)?.[1]?.toLowerCase()
    : serviceBus.fullyQualifiedNamespace.toLowerCase();

function redisPlace(url: string): unknown {
  const { protocol, host, username, pathname } = new URL(url);
  return { protocol, host, username, database: pathname.replace(/^\//, '') || '0' };
}
