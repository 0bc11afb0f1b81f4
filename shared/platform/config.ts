import { z } from 'zod';
import { checkOutboundUrl } from './addressRules.ts';

const list = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ''))
    .pipe(z.array(item));

/** A setting that is JSON. What is wrong with it is said by an example, since to quote it would be to tell its value. */
const json = <T>(schema: z.ZodType<T>, example: string) =>
  z.string().transform((text, context): T => {
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: `must be JSON such as ${example}` });
    return z.NEVER;
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const snakeName = z.string().regex(/^[a-z][a-z0-9_]{0,59}$/);
const gatesSchema = z.record(
  snakeName,
  z
    .array(
      z.strictObject({
        check: snakeName,
        agent: z.string(),
        task: snakeName.optional(),
        input: z.record(z.string(), z.unknown()).optional(),
        severity: z.enum(['critical', 'warning']).default('critical'),
      }),
    )
    .min(1)
    .max(50),
);
const routesSchema = z.record(snakeName, z.array(z.string()).min(1));

const origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    'must be an origin, such as https://mcp.contoso.com',
  );
/** Where a credential may go, and for whom. */
const credentialReach = {
  origins: z.array(origin).min(1),
  tenants: z
    .array(z.guid().transform((tenant) => tenant.toLowerCase()))
    .min(1)
    .optional(),
};
/** What upstream servers know the gateway by: one value for all, or a token of each user's own for another API's scope. */
const credentialsSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/),
  z.union([
    z.strictObject({
      value: z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/),
      ...credentialReach,
    }),
    z.strictObject({ onBehalfOf: z.string().regex(/^[\x21-\x7e]{1,500}$/), ...credentialReach }),
  ]),
);

const loopbackOrigin = origin.refine(
  (text) => /^http:\/\/(127\.0\.0\.1|\[::1\])(:\d+)?$/.test(text),
  'must be http on a loopback address',
);

/** Every setting of both apps. `docs/configuration.md` says the same in prose. */
export const settingsSchema = z.object({
  MREG_APP: z.enum(['management', 'mcp']),
  /** A connection string (Azurite, keys), or the `https://` endpoint of the account, used with the app's identity. */
  MREG_TABLES: z
    .string()
    .refine(
      (text) =>
        /(^|;)(AccountName=|UseDevelopmentStorage=true)/.test(text) || /^https:\/\/[^\s/]+\/?$/.test(text),
      {
        error: 'must be a storage connection string or the https endpoint of the table service',
      },
    ),
  /** Read by the triggers too, which is why the names follow the Functions convention for connections. */
  MREG_SERVICE_BUS: z
    .string()
    .startsWith('Endpoint=sb://', 'must be a Service Bus connection string')
    .optional(),
  MREG_SERVICE_BUS__fullyQualifiedNamespace: z
    .string()
    .regex(/^[a-z0-9.-]+$/i, 'must be a host name')
    .optional(),
  /** Where short-lived state is kept; in the tables when absent. */
  MREG_REDIS_URL: z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^rediss?:\/\/[^/]/i.test(text),
      'must be a redis:// or rediss:// URL',
    )
    .optional(),
  /** Client id of the Entra app registration: the only audience that tokens may have. */
  MREG_API_CLIENT_ID: z.guid(),
  /** Secret of that registration, with which users' tokens are exchanged; the managed identity when absent. */
  MREG_CLIENT_SECRET: z.string().min(1).optional(),
  /** Tenants that may sign in, separated by commas. */
  MREG_TENANTS: list(z.guid()).refine((tenants) => tenants.length > 0, 'must name at least one tenant'),
  /** Where clients reach the mcp app. The gateway never learns its own address from a request. */
  MREG_PUBLIC_ORIGIN: origin,
  /** Where administrators reach the management app. */
  MREG_MANAGEMENT_ORIGIN: origin,
  /** Web origins whose pages may call the apps, separated by commas; none when absent. */
  MREG_ALLOWED_ORIGINS: list(origin).optional(),
  /** Quality gates beside the standard ones: JSON, the checks of each by its name. */
  MREG_QUALITY_GATES: json(
    gatesSchema,
    '{"nightly": [{"check": "reachable", "agent": "mcp-debugger", "task": "probe"}]}',
  ).optional(),
  /** Types of events beside the standard ones: JSON, the agents that are told of each. */
  MREG_EVENT_ROUTES: json(routesSchema, '{"disk_full": ["mcp-debugger"]}').optional(),
  /** Agents whose work is done by workers of the user's own, separated by commas; none when absent. */
  MREG_EXTERNAL_AGENTS: list(z.string().regex(/^[a-z][a-z-]*$/, 'must name agents')).optional(),
  /** What the gateway signs in to upstream servers with: JSON, by the names that server records use. */
  MREG_CREDENTIALS: json(
    credentialsSchema,
    '{"stock-key": {"value": "Bearer …", "origins": ["https://stock.contoso.com"]}}',
  ).optional(),
  /** Base URL of the registry whose servers are taken over; none when absent. */
  MREG_UPSTREAM_REGISTRY: z
    .string()
    .max(2048)
    .refine((url) => !url.includes('?'), 'must be a base URL, without a query')
    .optional(),
  /** Development only: the origin of the local token issuer. */
  MREG_LOCAL_ISSUER: loopbackOrigin.optional(),
  /** Development only: upstream servers may be on loopback and private addresses, over http. */
  MREG_PRIVATE_UPSTREAMS: z.literal('allowed').optional(),
});

export type App = z.infer<typeof settingsSchema>['MREG_APP'];

export interface Config {
  readonly app: App;
  readonly tables: string;
  readonly serviceBus: { readonly connectionString: string } | { readonly fullyQualifiedNamespace: string };
  readonly redisUrl: string | undefined;
  readonly apiClientId: string;
  readonly clientSecret: string | undefined;
  readonly tenants: ReadonlySet<string>;
  readonly publicOrigin: string;
  readonly managementOrigin: string;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly qualityGates: z.infer<typeof gatesSchema>;
  readonly eventRoutes: z.infer<typeof routesSchema>;
  readonly externalAgents: ReadonlySet<string>;
  readonly credentials: z.infer<typeof credentialsSchema>;
  /** Without a slash at its end. */
  readonly upstreamRegistry: string | undefined;
  readonly localIssuer: string | undefined;
  readonly privateUpstreams: boolean;
}

/** Settings that are missing or wrong. The message has a line for each, by name and never by value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What this process was started with; it holds secrets. */
export const processEnvironment = (): Environment => process.env;

/** Names of which one is enough to say that this is not a developer's machine. */
export const azureMarks = [
  'WEBSITE_SITE_NAME',
  'WEBSITE_INSTANCE_ID',
  'WEBSITE_POD_NAME',
  'IDENTITY_ENDPOINT',
  'CONTAINER_APP_NAME',
] as const;

/** True unless the environment says in every way that it is a developer's. */
export function isProduction(env: Environment): boolean {
  return (
    env['AZURE_FUNCTIONS_ENVIRONMENT'] !== 'Development' ||
    env['NODE_ENV'] === 'production' ||
    azureMarks.some((name) => env[name] !== undefined)
  );
}

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
    // Entra writes ids in small letters; the portal shows them in either.
    apiClientId: settings.MREG_API_CLIENT_ID.toLowerCase(),
    tenants: new Set(settings.MREG_TENANTS.map((tenant) => tenant.toLowerCase())),
    publicOrigin: settings.MREG_PUBLIC_ORIGIN,
    managementOrigin: settings.MREG_MANAGEMENT_ORIGIN,
    allowedOrigins: new Set(settings.MREG_ALLOWED_ORIGINS),
    qualityGates: settings.MREG_QUALITY_GATES ?? {},
    eventRoutes: settings.MREG_EVENT_ROUTES ?? {},
    externalAgents: new Set(settings.MREG_EXTERNAL_AGENTS),
    credentials: settings.MREG_CREDENTIALS ?? {},
    upstreamRegistry: settings.MREG_UPSTREAM_REGISTRY?.replace(/\/+$/, ''),
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

/** Values that only the local stand-ins of Azure's services need. */
const developmentValues = [
  ['MREG_SERVICE_BUS', /UseDevelopmentEmulator=true/i, 'UseDevelopmentEmulator is for development only'],
  ['MREG_TABLES', /UseDevelopmentStorage=true|Protocol=http(;|$)/i, 'plain http is for development only'],
  ['MREG_REDIS_URL', /^redis:/i, 'Redis without TLS is for development only'],
  ['MREG_PUBLIC_ORIGIN', /^http:/, 'plain http is for development only'],
  ['MREG_MANAGEMENT_ORIGIN', /^http:/, 'plain http is for development only'],
] as const;

/** Those settings that only a developer's environment may have. */
export function developmentOnly(env: Environment): DevelopmentOnly[] {
  return [
    ...(['MREG_LOCAL_ISSUER', 'MREG_PRIVATE_UPSTREAMS'] as const)
      .filter((setting) => env[setting] !== undefined)
      .map((setting) => ({ setting, problem: 'is for development only and must not be set here' })),
    ...developmentValues
      .filter(([setting, pattern]) => pattern.test(env[setting] ?? ''))
      .map(([setting, , problem]) => ({ setting, problem })),
  ];
}

export type SettingName = keyof typeof settingsSchema.shape;
export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];

/** A setting that production refuses, and why: never its value. */
export interface DevelopmentOnly {
  readonly setting: SettingName;
  readonly problem: string;
}
