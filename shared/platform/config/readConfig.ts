import type * as z from 'zod';
import { checkOutboundUrl } from '../security/addressRules.ts';
import { type Config, ConfigError } from './config.ts';
import { developmentOnly, type Environment, isProduction } from './environment.ts';
import { settingNames, settingsSchema } from './settings.ts';

/** Returns the environment variables that this process was started with. They hold secrets. */
export const processEnvironment = (): Environment => process.env;

/** Reads all settings at once. @throws ConfigError that names every problem together. */
export function readConfig(env: Environment = process.env): Config {
  // A compiled parser pays off after many objects. The settings are one.
  const parsed = settingsSchema.safeParse(env, { jitless: true });
  const problems = [
    ...(parsed.error?.issues ?? []).map((issue) => `${String(issue.path[0])}: ${explain(issue)}`),
    ...unresolvedReferences(env),
    ...serviceBusProblems(env),
    ...upstreamRegistryProblems(env),
    ...(isProduction(env) ? productionProblems(env) : []),
  ];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(...problems);
  const settings = parsed.data;
  return Object.freeze({
    app: settings.MREG_APP,
    tables: settings.MREG_TABLES,
    serviceBus: Object.freeze(
      settings.MREG_SERVICE_BUS === undefined
        ? { fullyQualifiedNamespace: settings.MREG_SERVICE_BUS__fullyQualifiedNamespace ?? '' }
        : { connectionString: settings.MREG_SERVICE_BUS },
    ),
    identityClientId: settings.AZURE_CLIENT_ID?.toLowerCase(),
    redisUrl: settings.MREG_REDIS_URL,
    clientSecret: settings.MREG_CLIENT_SECRET,
    signInClientId: settings.MREG_SIGN_IN_CLIENT_ID?.toLowerCase(),
    signInClientSecret: settings.MREG_SIGN_IN_CLIENT_SECRET,
    clients: settings.MREG_CLIENTS,
    grantIssuers: settings.MREG_GRANT_ISSUERS,
    rateLimits: settings.MREG_RATE_LIMITS,
    sealingKeys: settings.MREG_SEALING_KEYS,
    // Tokens hold ids in lower case. The Azure portal shows upper case too.
    apiClientId: settings.MREG_API_CLIENT_ID.toLowerCase(),
    tenants: new Set(settings.MREG_TENANTS.map((tenant) => tenant.toLowerCase())),
    siteHost: env['WEBSITE_HOSTNAME'],
    publicOrigin: settings.MREG_PUBLIC_ORIGIN,
    managementOrigin: settings.MREG_MANAGEMENT_ORIGIN,
    allowedOrigins: new Set(settings.MREG_ALLOWED_ORIGINS),
    qualityGates: settings.MREG_QUALITY_GATES,
    eventRoutes: settings.MREG_EVENT_ROUTES,
    externalAgents: new Set(settings.MREG_EXTERNAL_AGENTS),
    credentials: settings.MREG_CREDENTIALS,
    upstreamRegistry: settings.MREG_UPSTREAM_REGISTRY?.replace(/(?<!\/)\/+$/, ''),
    localIssuer: settings.MREG_LOCAL_ISSUER,
    privateUpstreams: settings.MREG_PRIVATE_UPSTREAMS === 'allowed',
  });
}

function productionProblems(env: Environment): string[] {
  return [
    ...developmentOnly(env).map(({ setting, problem }) => `${setting}: ${problem}`),
    // Node would accept every certificate, and tokens would go to whoever has one.
    ...(env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
      ? ['NODE_TLS_REJECT_UNAUTHORIZED: must not be 0; name further authorities in NODE_EXTRA_CA_CERTS']
      : []),
  ];
}

/** The triggers sign in by settings of their own. Wrong ones would leave the app without messages, and without an error. */
function serviceBusProblems(env: Environment): string[] {
  const isSet = (name: string) => env[name] !== undefined;
  if (isSet('MREG_SERVICE_BUS') === isSet('MREG_SERVICE_BUS__fullyQualifiedNamespace'))
    return ['MREG_SERVICE_BUS: set either it or MREG_SERVICE_BUS__fullyQualifiedNamespace'];
  if (isSet('MREG_SERVICE_BUS')) return [];
  const { AZURE_CLIENT_ID: own, MREG_SERVICE_BUS__clientId: ofTriggers } = env;
  return [
    ...(own?.toLowerCase() === ofTriggers?.toLowerCase()
      ? []
      : ['MREG_SERVICE_BUS__clientId: must have the value of AZURE_CLIENT_ID']),
    ...(isSet('MREG_SERVICE_BUS__credential') === (ofTriggers !== undefined)
      ? []
      : ['MREG_SERVICE_BUS__credential: set it and MREG_SERVICE_BUS__clientId together']),
  ];
}

/** The outbound client rejects some URLs. The app rejects them when it starts, not when the nightly synchronisation runs. */
function upstreamRegistryProblems({
  MREG_UPSTREAM_REGISTRY: url,
  MREG_PRIVATE_UPSTREAMS,
}: Environment): string[] {
  if (url === undefined) return [];
  const checked = checkOutboundUrl(url, MREG_PRIVATE_UPSTREAMS === 'allowed' ? 'private_allowed' : 'public');
  return checked.ok ? [] : [`MREG_UPSTREAM_REGISTRY: ${checked.error.message}`];
}

function explain(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : issue.message;
}

/** Azure hands over the reference itself when it cannot read the secret. Anybody could guess such a sealing key. */
function unresolvedReferences(env: Environment): string[] {
  const problem =
    "Azure could not read the secret in Key Vault. The secret must exist, and the app's identity needs the role Key Vault Secrets User. Then make Azure read it again: see Rotating keys in docs/operate.md";
  return settingNames
    .filter((name) => env[name]?.startsWith('@Microsoft.KeyVault('))
    .map((name) => `${name}: ${problem}`);
}
