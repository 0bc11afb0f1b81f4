import type { z } from 'zod';
import { checkOutboundUrl } from '../security/addressRules.ts';
import { type Environment, developmentOnly, isProduction } from './environment.ts';
import { type Settings, settingsSchema } from './settings.ts';

export type App = Settings['MREG_APP'];

export interface Config {
  readonly app: App;
  readonly tables: string;
  readonly serviceBus: { readonly connectionString: string } | { readonly fullyQualifiedNamespace: string };
  readonly redisUrl: string | undefined;
  readonly apiClientId: string;
  readonly clientSecret: string | undefined;
  /** The first key seals, all of them open. */
  readonly sealingKeys: readonly string[];
  readonly tenants: ReadonlySet<string>;
  /** The host name that Azure, or Core Tools, gave the site. */
  readonly siteHost: string | undefined;
  readonly publicOrigin: string;
  readonly managementOrigin: string;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly qualityGates: NonNullable<Settings['MREG_QUALITY_GATES']>;
  readonly eventRoutes: NonNullable<Settings['MREG_EVENT_ROUTES']>;
  readonly externalAgents: ReadonlySet<string>;
  readonly credentials: NonNullable<Settings['MREG_CREDENTIALS']>;
  /** Without a slash at its end. */
  readonly upstreamRegistry: string | undefined;
  readonly localIssuer: string | undefined;
  readonly privateUpstreams: boolean;
}

/** Settings that are missing or wrong. The message has a line for each, by name and never by value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What this process was started with; it holds secrets. */
export const processEnvironment = (): Environment => process.env;

/** Reads all settings at once. @throws ConfigError that names every problem together. */
export function readConfig(env: Environment = process.env): Config {
  const parsed = settingsSchema.safeParse(env);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${explain(issue)}`);
  const named = (name: string) => env[name] !== undefined;
  if (named('MREG_SERVICE_BUS') === named('MREG_SERVICE_BUS__fullyQualifiedNamespace')) {
    problems.push('MREG_SERVICE_BUS: set either it or MREG_SERVICE_BUS__fullyQualifiedNamespace');
  }
  problems.push(...refusedRegistry(env));
  if (isProduction(env))
    problems.push(...developmentOnly(env).map(({ setting, problem }) => `${setting}: ${problem}`));
  if (problems.length > 0 || !parsed.success) {
    throw new ConfigError(
      `Settings are missing or wrong:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  const settings = parsed.data;
  return Object.freeze({
    app: settings.MREG_APP,
    tables: settings.MREG_TABLES,
    serviceBus: Object.freeze(
      settings.MREG_SERVICE_BUS === undefined
        ? { fullyQualifiedNamespace: settings.MREG_SERVICE_BUS__fullyQualifiedNamespace ?? '' }
        : { connectionString: settings.MREG_SERVICE_BUS },
    ),
    redisUrl: settings.MREG_REDIS_URL,
    clientSecret: settings.MREG_CLIENT_SECRET,
    sealingKeys: settings.MREG_SEALING_KEYS,
    // Entra writes ids in small letters; the portal shows them in either.
    apiClientId: settings.MREG_API_CLIENT_ID.toLowerCase(),
    tenants: new Set(settings.MREG_TENANTS.map((tenant) => tenant.toLowerCase())),
    siteHost: env['WEBSITE_HOSTNAME'],
    publicOrigin: settings.MREG_PUBLIC_ORIGIN,
    managementOrigin: settings.MREG_MANAGEMENT_ORIGIN,
    allowedOrigins: new Set(settings.MREG_ALLOWED_ORIGINS),
    qualityGates: settings.MREG_QUALITY_GATES ?? {},
    eventRoutes: settings.MREG_EVENT_ROUTES ?? {},
    externalAgents: new Set(settings.MREG_EXTERNAL_AGENTS),
    credentials: settings.MREG_CREDENTIALS ?? {},
    upstreamRegistry: settings.MREG_UPSTREAM_REGISTRY?.replace(/(?<!\/)\/+$/, ''),
    localIssuer: settings.MREG_LOCAL_ISSUER,
    privateUpstreams: settings.MREG_PRIVATE_UPSTREAMS === 'allowed',
  });
}

/** The gateway calls it as it calls upstream servers: what it may not call is refused when it starts, not at night. */
function refusedRegistry({ MREG_UPSTREAM_REGISTRY: url, MREG_PRIVATE_UPSTREAMS }: Environment): string[] {
  if (url === undefined) return [];
  const checked = checkOutboundUrl(url, MREG_PRIVATE_UPSTREAMS === 'allowed' ? 'private_allowed' : 'public');
  return checked.ok ? [] : [`MREG_UPSTREAM_REGISTRY: ${checked.error.message}`];
}

function explain(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : issue.message;
}
