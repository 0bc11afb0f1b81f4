import { z } from 'zod';

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
  /** Keys that seal stored tokens, secrets in URLs and sessions. The first seals, all of them open. */
  MREG_SEALING_KEYS: list(
    z.string().regex(/^[\x21-\x7e]{32,1000}$/, 'each key must be 32 or more random characters'),
  ).refine((keys) => keys.length > 0, 'must hold at least one key'),
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

export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof typeof settingsSchema.shape;
export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];
