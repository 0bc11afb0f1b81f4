import * as z from 'zod';

export const appSchema = z.enum(['management', 'mcp']);
export type App = z.infer<typeof appSchema>;

export const originSchema = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    'must be an origin, such as https://mcp.contoso.com',
  );

const snakeName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,59}$/, 'must be a name of lower-case letters, digits and _, such as disk_full');
export const qualityGatesSchema = z.record(
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

/** The agents of each event type. */
export const eventRoutesSchema = z.record(snakeName, z.array(z.string()).min(1));

/** The origins that a credential may be sent to, and the tenants that may use it. */
const credentialReach = {
  origins: z.array(originSchema).min(1),
  tenants: z
    .array(z.guid().transform((tenant) => tenant.toLowerCase()))
    .min(1)
    .optional(),
};
/** A credential is one header value for all users, or a token of each user for the scope of another API. */
export const credentialsSchema = z.record(
  z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,59}$/,
      'must be a name of lower-case letters, digits and -, such as stock-key',
    ),
  z
    .strictObject({
      value: z
        .string()
        .regex(
          /^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/,
          'must be at most 8,192 visible ASCII characters, with spaces between them only',
        )
        .optional(),
      onBehalfOf: z
        .string()
        .regex(/^[\x21-\x7e]{1,500}$/, 'must be a scope such as api://stock/.default')
        .optional(),
      ...credentialReach,
    })
    .transform(({ value, onBehalfOf, ...reach }, context) => {
      if (value !== undefined && onBehalfOf === undefined) return { value, ...reach };
      if (onBehalfOf !== undefined && value === undefined) return { onBehalfOf, ...reach };
      context.addIssue({ code: 'custom', message: 'must have either a value or onBehalfOf' });
      return z.NEVER;
    }),
);

/**
 * MCP clients that are known beforehand, by client id. An id may be the URL of a client's document: the gateway then reads no
 * document, which helps where it has no way to the internet.
 */
export const clientsSchema = z.record(
  z
    .string()
    .regex(
      /^(?:[\w.~-]{1,100}|https:\/\/[\x21-\x7e]{1,500})$/,
      'must be a client id of letters, digits, - . _ and ~, or the https URL of a document',
    ),
  z.strictObject({
    name: z.string().min(1).max(100),
    redirectUris: z.array(z.string().max(2_000)).min(1).max(20),
    /** Absent: the client is public. */
    secret: z.string().min(16, 'must have at least 16 characters').optional(),
  }),
);

/** Issuers whose identity assertions (ID-JAG) are accepted, by their URL. Their people belong to one tenant and have these roles. */
export const grantIssuersSchema = z.record(
  z.url({ protocol: /^https?$/ }),
  z.strictObject({
    tenant: z.guid().transform((tenant) => tenant.toLowerCase()),
    jwksUri: z.url({ protocol: /^https?$/ }),
    roles: z
      .array(z.enum(['Admin', 'Operator', 'Auditor', 'User']))
      .min(1)
      .default(['User']),
  }),
);

const bucketSchema = z.strictObject({
  perSecond: z.number().positive().max(100_000),
  burst: z.int().min(1).max(1_000_000),
});
/**
 * Token buckets of one instance: requests of an address that need a check of a signature, and admitted requests of a user or an
 * app.
 */
export const rateLimitsSchema = z.strictObject({
  address: bucketSchema.default({ perSecond: 50, burst: 200 }),
  principal: bucketSchema.default({ perSecond: 200, burst: 1_000 }),
});

/** The settings of a process as the apps use them. `settings.ts` says what each setting is. */
export interface Config {
  readonly app: App;
  readonly tables: string;
  readonly serviceBus: { readonly connectionString: string } | { readonly fullyQualifiedNamespace: string };
  /** Client id of the user-assigned identity of the app. Absent: the app has a system-assigned one, or none. */
  readonly identityClientId: string | undefined;
  readonly redisUrl: string | undefined;
  readonly apiClientId: string;
  readonly clientSecret: string | undefined;
  /** Client id of the registration with which the gateway signs people in. Absent: the gateway issues no tokens. */
  readonly signInClientId: string | undefined;
  readonly signInClientSecret: string | undefined;
  readonly clients: z.infer<typeof clientsSchema>;
  readonly grantIssuers: z.infer<typeof grantIssuersSchema>;
  readonly rateLimits: z.infer<typeof rateLimitsSchema>;
  /** The first key seals. Every key opens. */
  readonly sealingKeys: readonly string[];
  readonly tenants: ReadonlySet<string>;
  /** The host name that Azure or Core Tools gave the site. */
  readonly siteHost: string | undefined;
  readonly publicOrigin: string;
  readonly managementOrigin: string;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly qualityGates: z.infer<typeof qualityGatesSchema>;
  readonly eventRoutes: z.infer<typeof eventRoutesSchema>;
  readonly externalAgents: ReadonlySet<string>;
  readonly credentials: z.infer<typeof credentialsSchema>;
  /** Without a slash at its end. */
  readonly upstreamRegistry: string | undefined;
  readonly localIssuer: string | undefined;
  readonly privateUpstreams: boolean;
}

/** Settings are missing or wrong. The message has a line for each problem: the setting's name, never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(...problems: readonly string[]) {
    const lines = problems.map((problem) => `  ${problem}`).join('\n');
    super(`Settings are missing or wrong (docs/configuration.md explains each):\n${lines}`);
  }
}
