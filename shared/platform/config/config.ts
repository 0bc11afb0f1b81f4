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
const scopeSchema = z.string().regex(/^[\x21-\x7e]{1,500}$/, 'must be a scope such as api://stock/.default');
const scopesSchema = z
  .string()
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, 'must be scopes with one space between them')
  .max(1_000);
const httpUrlSchema = z.url({
  protocol: /^https?$/,
  error: 'must be a URL such as https://login.contoso.com',
});
const clientShape = {
  clientId: z.string().min(1).max(500),
  clientSecret: z.string().min(1, 'must not be empty').max(4_000).optional(),
  scope: scopesSchema.optional(),
};

/** The kinds of credentials: where the value of the header comes from. */
const credentialKinds = {
  /** The same value for all users. */
  value: z
    .string()
    .regex(
      /^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/,
      'must be at most 8,192 visible ASCII characters, with spaces between them only',
    ),
  /** A token of each user for the scope of another API. */
  onBehalfOf: scopeSchema,
  /** A token of an authorization server for the gateway itself (RFC 6749, section 4.4). */
  clientCredentials: z.strictObject({
    tokenUrl: httpUrlSchema,
    ...clientShape,
    resource: httpUrlSchema.optional(),
  }),
  /** A token of Entra for the app's managed identity, for the scope of another API. */
  managedIdentity: scopeSchema,
  /** The account of each user at the server, with a client that its authorization server knows beforehand. */
  userAccount: z.strictObject({ issuer: httpUrlSchema, ...clientShape }),
};
const kindsSchema = z.object(credentialKinds).partial();
type KindValues = {
  readonly [Kind in keyof typeof credentialKinds]: z.infer<(typeof credentialKinds)[Kind]>;
};
/** A credential has one kind and a reach. */
export type CredentialSetting = {
  [Kind in keyof KindValues]: Pick<KindValues, Kind> & z.infer<z.ZodObject<typeof credentialReach>>;
}[keyof KindValues];

/** The credential that every gateway has: the account of each user at the server whose record names it. */
export const USER_ACCOUNT = 'user-account';

export const credentialsSchema = z.record(
  z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,59}$/,
      'must be a name of lower-case letters, digits and -, such as stock-key',
    )
    .refine((name) => name !== USER_ACCOUNT, 'is the name of a built-in credential'),
  z
    .strictObject({ ...kindsSchema.shape, ...credentialReach })
    .transform(({ origins, tenants, ...kinds }, context): CredentialSetting => {
      const [only, ...others] = kindsIn(kinds);
      if (only !== undefined && others.length === 0) return { ...only, origins, tenants };
      const names = Object.keys(credentialKinds).join(', ');
      context.addIssue({ code: 'custom', message: `must have exactly one of ${names}` });
      return z.NEVER;
    }),
);

/** Returns the kinds that a credential has. */
function kindsIn({
  value,
  onBehalfOf,
  clientCredentials,
  managedIdentity,
  userAccount,
}: z.infer<typeof kindsSchema>) {
  return [
    ...(value === undefined ? [] : [{ value }]),
    ...(onBehalfOf === undefined ? [] : [{ onBehalfOf }]),
    ...(clientCredentials === undefined ? [] : [{ clientCredentials }]),
    ...(managedIdentity === undefined ? [] : [{ managedIdentity }]),
    ...(userAccount === undefined ? [] : [{ userAccount }]),
  ];
}

/** Returns the parts of a credential that no log may show. */
export function secretsOfCredential(credential: CredentialSetting): readonly string[] {
  if ('value' in credential) return [credential.value];
  const client = 'clientCredentials' in credential ? credential.clientCredentials : undefined;
  const account = 'userAccount' in credential ? credential.userAccount : undefined;
  return [client?.clientSecret, account?.clientSecret].filter((secret) => secret !== undefined);
}

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
