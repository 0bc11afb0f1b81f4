import * as z from 'zod';
import {
  appSchema,
  credentialsSchema,
  eventRoutesSchema,
  originSchema,
  qualityGatesSchema,
  secretsOfCredential,
} from './config.ts';
import { keysIn, redisPassword, redisPlace, serviceBusPlace, tablesPlace } from './connections.ts';
import { critical, json, list, setting, warning } from './defineSetting.ts';
import { signInSettings } from './signInSettings.ts';

const guid = z.guid('must be a GUID');
const plainHttp = [/^http:/, 'plain http is for development only'] as const;
const lostDelegations = critical('the delegations of one app do not reach the other');

/** Every setting of both apps, each with all that is known of it. The table in `docs/configuration.md` is made from this one. */
export const settings = {
  MREG_APP: setting(
    {
      required: 'yes',
      doc: '`management` or `mcp`: which of the two apps this is',
      comparable: ({ app }) => app,
    },
    appSchema,
  ),
  MREG_TABLES: setting(
    {
      required: 'yes',
      doc: "`https://` endpoint of the storage account's table service, used with the app's identity; or a connection string",
      developmentValue: [
        /UseDevelopmentStorage=true|Protocol=http(;|$)/i,
        'plain http is for development only',
      ],
      secretsIn: ({ tables }) => keysIn(tables),
      comparable: ({ tables }) => tablesPlace(tables),
      ifDifferent: critical('each app has a registry of its own'),
    },
    z
      .string()
      .refine(
        (text) =>
          /(^|;)(AccountName=|UseDevelopmentStorage=true)/.test(text) || /^https:\/\/[^\s/]+\/?$/.test(text),
        { error: 'must be a storage connection string or the https endpoint of the table service' },
      ),
  ),
  // The triggers read it too. So its name follows the convention of Azure Functions for connections.
  MREG_SERVICE_BUS__fullyQualifiedNamespace: setting(
    {
      required: 'one of the two',
      doc: "host name of the Service Bus namespace, used with the app's identity",
      comparable: ({ serviceBus }) => serviceBusPlace(serviceBus),
      ifDifferent: lostDelegations,
    },
    z
      .string()
      .regex(/^[a-z0-9.-]+$/i, 'must be a host name')
      .optional(),
  ),
  MREG_SERVICE_BUS: setting(
    {
      required: 'one of the two',
      doc: 'Service Bus connection string',
      developmentValue: [
        /UseDevelopmentEmulator=true/i,
        'UseDevelopmentEmulator=true is for development only',
      ],
      secretsIn: ({ serviceBus }) =>
        'connectionString' in serviceBus ? keysIn(serviceBus.connectionString) : [],
      comparable: ({ serviceBus }) => serviceBusPlace(serviceBus),
      ifDifferent: lostDelegations,
    },
    z.string().startsWith('Endpoint=sb://', 'must be a Service Bus connection string').optional(),
  ),
  AZURE_CLIENT_ID: setting(
    {
      required: 'no',
      doc: "client id of the app's user-assigned identity; without it, the app uses its system-assigned identity",
      // Each app has an identity of its own.
      comparable: ({ identityClientId }) => identityClientId,
    },
    guid.optional(),
  ),
  // The triggers alone read these two. The app sends with the identity of AZURE_CLIENT_ID.
  MREG_SERVICE_BUS__credential: setting(
    {
      required: 'no',
      doc: '`managedidentity`: the triggers sign in to Service Bus with the identity of the next setting',
      comparable: () => 'managedidentity',
      ifDifferent: critical('the triggers of one app sign in to Service Bus in another way'),
    },
    z.literal('managedidentity', 'must be "managedidentity"').optional(),
  ),
  MREG_SERVICE_BUS__clientId: setting(
    {
      required: 'no',
      doc: 'the value of `AZURE_CLIENT_ID`, for the triggers',
      comparable: ({ identityClientId }) => identityClientId,
    },
    guid.optional(),
  ),
  MREG_REDIS_URL: setting(
    {
      required: 'no',
      doc: "`rediss://` URL of a Redis that does not evict, for short-lived state, used with the app's identity or a key; without it, that is in the tables",
      developmentValue: [/^redis:/i, 'Redis without TLS is for development only'],
      secretsIn: ({ redisUrl }) => (redisUrl === undefined ? [] : redisPassword(redisUrl)),
      comparable: ({ redisUrl }) => redisUrl && redisPlace(redisUrl),
      ifDifferent: critical('sessions and limits of one app are unknown to the other'),
    },
    z
      .string()
      .refine(
        (text) => URL.canParse(text) && /^rediss?:\/\/[^/]/i.test(text),
        'must be a redis:// or rediss:// URL',
      )
      .refine(
        (text) => !/^\w+:\/\/[^:@/]+@/.test(text),
        "must have both a user and a key, or neither for the app's identity",
      )
      .optional(),
  ),
  MREG_API_CLIENT_ID: setting(
    {
      required: 'yes',
      doc: 'client id of the Entra app registration: the only audience that tokens of Entra may have',
      comparable: ({ apiClientId }) => apiClientId,
      ifDifferent: critical('one app rejects the tokens that the other accepts'),
    },
    guid,
  ),
  MREG_CLIENT_SECRET: setting(
    {
      required: 'no',
      doc: 'secret of that registration, for credentials of users; the managed identity proves it when absent',
      secretsIn: ({ clientSecret }) => (clientSecret === undefined ? [] : [clientSecret]),
      // Two secrets of one registration are equally good.
      comparable: ({ clientSecret }) => clientSecret !== undefined,
      ifDifferent: critical('one app signs in to Entra with the secret, the other with its managed identity'),
    },
    z.string().min(1, 'must not be empty').optional(),
  ),
  ...signInSettings,
  MREG_SEALING_KEYS: setting(
    {
      required: 'yes',
      doc: 'keys with which stored tokens, sessions and secrets of URLs are sealed and access tokens are signed, separated by commas: see below',
      developmentValue: [/known-to-everybody/, 'the key of the example is for development only'],
      secretsIn: ({ sealingKeys }) => sealingKeys,
      // Each app must open what the other one sealed.
      comparable: ({ sealingKeys }) => [...sealingKeys].sort(),
      ifDifferent: critical('one app cannot open what the other seals, such as tokens and secrets in URLs'),
    },
    list(z.string().regex(/^[\x21-\x7e]{32,1000}$/, 'each key must be 32 or more random characters')).refine(
      (keys) => keys.length > 0,
      'must hold at least one key',
    ),
  ),
  MREG_TENANTS: setting(
    {
      required: 'yes',
      doc: 'ids of the Entra tenants that may sign in, separated by commas',
      // The order counts: the first tenant is that of the operator.
      comparable: ({ tenants }) => [...tenants],
      ifDifferent: critical(
        'one app rejects the tenants that the other accepts; the first tenant is that of the operator',
      ),
    },
    list(guid).refine((tenants) => tenants.length > 0, 'must name at least one tenant'),
  ),
  MREG_PUBLIC_ORIGIN: setting(
    {
      required: 'yes',
      doc: 'where clients reach the mcp app, such as `https://mcp.contoso.com`',
      developmentValue: plainHttp,
      comparable: ({ publicOrigin }) => publicOrigin,
      ifDifferent: critical('addresses of servers are not those of the mcp app'),
    },
    originSchema,
  ),
  MREG_MANAGEMENT_ORIGIN: setting(
    {
      required: 'yes',
      doc: 'where administrators reach the management app, such as `https://registry.contoso.com`',
      developmentValue: plainHttp,
      comparable: ({ managementOrigin }) => managementOrigin,
      ifDifferent: warning('one app looks for the other at the wrong address'),
    },
    originSchema,
  ),
  MREG_ALLOWED_ORIGINS: setting(
    {
      required: 'no',
      doc: 'web origins whose pages may call the apps, separated by commas; none when absent',
      comparable: ({ allowedOrigins }) => [...allowedOrigins].sort(),
      ifDifferent: warning('a page that may call one app may not call the other'),
    },
    list(originSchema).default([]),
  ),
  MREG_EXTERNAL_AGENTS: setting(
    {
      required: 'no',
      doc: 'agents whose work is done by [workers of your own](external-agents.md), separated by commas; the same in both apps',
      comparable: ({ externalAgents }) => [...externalAgents].sort(),
      ifDifferent: critical('both an app and a worker take the work of an agent, or neither does'),
    },
    list(z.string().regex(/^[a-z][a-z-]*$/, 'must name agents')).default([]),
  ),
  MREG_QUALITY_GATES: setting(
    {
      required: 'no',
      doc: 'quality gates beside the standard ones, as JSON: see below',
      comparable: ({ qualityGates }) => qualityGates,
      ifDifferent: warning('the apps know different gates'),
    },
    json(
      qualityGatesSchema,
      '{"nightly": [{"check": "reachable", "agent": "mcp-debugger", "task": "probe"}]}',
    ).default({}),
  ),
  MREG_EVENT_ROUTES: setting(
    {
      required: 'no',
      doc: 'types of events beside the standard ones, as JSON: see below',
      comparable: ({ eventRoutes }) => eventRoutes,
      ifDifferent: warning('an event reaches other agents if the other app raises it'),
    },
    json(eventRoutesSchema, '{"disk_full": ["mcp-debugger"]}').default({}),
  ),
  MREG_CREDENTIALS: setting(
    {
      required: 'no',
      doc: 'what the gateway signs in to upstream servers with, as JSON: see below; the same in both apps',
      secretsIn: ({ credentials }) => Object.values(credentials).flatMap(secretsOfCredential),
      comparable: ({ credentials }) => credentials,
      ifDifferent: critical('a server that one app validated may reject the calls of the other app'),
    },
    json(
      credentialsSchema,
      '{"stock-key": {"value": "Bearer replace-me", "origins": ["https://stock.contoso.com"]}}',
    ).default({}),
  ),
  MREG_UPSTREAM_REGISTRY: setting(
    {
      required: 'no',
      doc: 'base URL of [a registry whose servers are taken over](registry-api.md#another-registrys-servers); none when absent',
      comparable: ({ upstreamRegistry }) => upstreamRegistry,
      ifDifferent: warning('the apps know different registries'),
    },
    z
      .string()
      .max(2048, 'must have at most 2,048 characters')
      .refine((url) => !url.includes('?'), 'must be a base URL, without a query')
      .optional(),
  ),
  MREG_LOCAL_ISSUER: setting(
    {
      required: 'development only',
      doc: 'origin of the local token issuer, on a loopback address',
      comparable: ({ localIssuer }) => localIssuer,
      ifDifferent: critical('one app rejects the tokens that the other accepts'),
    },
    originSchema
      .refine(
        (text) => /^http:\/\/(127\.0\.0\.1|\[::1\])(:\d+)?$/.test(text),
        'must be http on a loopback address',
      )
      .optional(),
  ),
  MREG_PRIVATE_UPSTREAMS: setting(
    {
      required: 'development only',
      doc: '`allowed`: upstream servers may be on loopback and private addresses, over http',
      comparable: ({ privateUpstreams }) => privateUpstreams,
      ifDifferent: warning('only one app may call servers on loopback and private addresses'),
    },
    z.literal('allowed', 'must be "allowed"').optional(),
  ),
};

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as readonly SettingName[];

type Shape = { readonly [N in SettingName]: (typeof settings)[N]['schema'] };
export const settingsSchema = z.object(
  Object.fromEntries(settingNames.map((name) => [name, settings[name].schema])) as Shape,
);
