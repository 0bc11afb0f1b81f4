import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../shared/platform/config/config.ts';
import { isProduction } from '../../../shared/platform/config/environment.ts';
import { readConfig } from '../../../shared/platform/config/readConfig.ts';
import { testSealingKey } from '../../support/config.ts';

const tenant = '11111111-1111-4111-8111-111111111111';
const required = {
  MREG_APP: 'mcp',
  MREG_TABLES: 'https://account.table.core.windows.net',
  MREG_SERVICE_BUS__fullyQualifiedNamespace: 'bus.servicebus.windows.net',
  MREG_API_CLIENT_ID: 'AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee',
  MREG_SEALING_KEYS: testSealingKey,
  MREG_TENANTS: tenant,
  MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
  MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
};
const developer = { ...required, AZURE_FUNCTIONS_ENVIRONMENT: 'Development' };

function problemsOf(env: Record<string, string | undefined>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').slice(1);
  }
  return [];
}

const namesOf = (env: Record<string, string | undefined>) =>
  problemsOf(env).map((line) => line.trim().split(':')[0]);

describe('a configuration', () => {
  test('is read from the settings of a production app', () => {
    expect(readConfig(required)).toEqual({
      app: 'mcp',
      tables: 'https://account.table.core.windows.net',
      serviceBus: { fullyQualifiedNamespace: 'bus.servicebus.windows.net' },
      identityClientId: undefined,
      redisUrl: undefined,
      apiClientId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      clientSecret: undefined,
      signInClientId: undefined,
      signInClientSecret: undefined,
      clients: {},
      grantIssuers: {},
      rateLimits: { address: { perSecond: 50, burst: 200 }, principal: { perSecond: 200, burst: 1_000 } },
      sealingKeys: [testSealingKey],
      tenants: new Set([tenant]),
      publicOrigin: 'https://mcp.contoso.com',
      managementOrigin: 'https://registry.contoso.com',
      allowedOrigins: new Set(),
      externalAgents: new Set(),
      qualityGates: {},
      eventRoutes: {},
      credentials: {},
      upstreamRegistry: undefined,
      localIssuer: undefined,
      privateUpstreams: false,
    });
  });

  test('is read from the settings of a developer, with what only a developer may have', () => {
    const { MREG_SERVICE_BUS__fullyQualifiedNamespace: _, ...rest } = developer;
    const config = readConfig({
      ...rest,
      MREG_SERVICE_BUS: 'Endpoint=sb://localhost;SharedAccessKey=x;UseDevelopmentEmulator=true',
      MREG_TABLES: 'UseDevelopmentStorage=true',
      MREG_REDIS_URL: 'redis://127.0.0.1:6379',
      MREG_PUBLIC_ORIGIN: 'http://127.0.0.1:8001',
      MREG_MANAGEMENT_ORIGIN: 'http://127.0.0.1:8000',
      MREG_LOCAL_ISSUER: 'http://127.0.0.1:8002',
      MREG_PRIVATE_UPSTREAMS: 'allowed',
      MREG_ALLOWED_ORIGINS: 'http://localhost:6274, https://app.contoso.com',
    });
    expect(config).toMatchObject({
      redisUrl: 'redis://127.0.0.1:6379',
      localIssuer: 'http://127.0.0.1:8002',
      privateUpstreams: true,
    });
    expect(config.allowedOrigins).toEqual(new Set(['http://localhost:6274', 'https://app.contoso.com']));
  });

  test('takes the base URL of a registry without its last slash, on this machine for a developer alone', () => {
    const at = (url: string, more = {}) =>
      readConfig({ ...developer, ...more, MREG_UPSTREAM_REGISTRY: url }).upstreamRegistry;
    expect(at('https://registry.example.com/')).toBe('https://registry.example.com');
    expect(at('https://registry.example.com/r/x')).toBe('https://registry.example.com/r/x');
    const local = 'http://127.0.0.1:9000';
    expect(at(local, { MREG_PRIVATE_UPSTREAMS: 'allowed' })).toBe(local);
    expect(() => at(local)).toThrow(/MREG_UPSTREAM_REGISTRY: must use https/);
  });

  test('takes tenants in any case and with any separator, and keeps them as Entra writes them', () => {
    const other = 'ABCDEF00-2222-4222-8222-222222222222';
    expect(readConfig({ ...required, MREG_TENANTS: `${tenant}, ${other}\n` }).tenants).toEqual(
      new Set([tenant, other.toLowerCase()]),
    );
  });

  test('cannot be changed once it is read', () => {
    const config = readConfig(required);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.serviceBus)).toBe(true);
    expect(() => Object.assign(config, { privateUpstreams: true })).toThrow(TypeError);
  });

  test('holds no reference to Key Vault that Azure could not resolve: it would be a sealing key that anybody can guess', () => {
    const reference = '@Microsoft.KeyVault(SecretUri=https://kv-x.vault.azure.net/secrets/sealing-keys)';
    expect(problemsOf({ ...required, MREG_SEALING_KEYS: reference })).toEqual([
      expect.stringMatching(/MREG_SEALING_KEYS: Azure could not read the secret/),
    ]);
  });

  test('names every missing setting at once', () => {
    expect(namesOf({})).toEqual([
      'MREG_APP',
      'MREG_TABLES',
      'MREG_API_CLIENT_ID',
      'MREG_SEALING_KEYS',
      'MREG_TENANTS',
      'MREG_PUBLIC_ORIGIN',
      'MREG_MANAGEMENT_ORIGIN',
      'MREG_SERVICE_BUS',
    ]);
  });

  test('names every wrong setting at once, and never a value', () => {
    const canary = 'canary-7f3a';
    const wrong = Object.fromEntries(
      [
        ...Object.keys(required),
        'MREG_SERVICE_BUS',
        'MREG_REDIS_URL',
        'MREG_ALLOWED_ORIGINS',
        'MREG_EXTERNAL_AGENTS',
        'MREG_QUALITY_GATES',
        'MREG_EVENT_ROUTES',
        'MREG_UPSTREAM_REGISTRY',
        'MREG_LOCAL_ISSUER',
        'MREG_PRIVATE_UPSTREAMS',
      ].map((name) => [name, `${canary} ${name}!`]),
    );
    const problems = problemsOf(wrong);
    expect(new Set(namesOf(wrong))).toEqual(new Set(Object.keys(wrong)));
    expect(problems.join('\n')).not.toContain(canary);
  });
});

test.each([
  ['MREG_APP', 'registry', 'there are two apps'],
  ['MREG_TABLES', 'http://account.table.core.windows.net', 'tokens must not travel in the clear'],
  ['MREG_TABLES', '', 'empty is not absent'],
  ['MREG_SERVICE_BUS', 'sb://bus', 'not a connection string, and a second way to name the bus'],
  ['MREG_SERVICE_BUS__fullyQualifiedNamespace', 'bus.servicebus.windows.net/path', 'not a host name'],
  ['MREG_REDIS_URL', '', 'empty is not absent'],
  ['MREG_REDIS_URL', 'cache.redis.azure.net:10000', 'not a URL'],
  ['MREG_REDIS_URL', 'https://cache.redis.azure.net', 'another protocol'],
  ['MREG_REDIS_URL', 'rediss://', 'no host'],
  ['MREG_REDIS_URL', 'rediss://user@cache.redis.azure.net:10000', 'a user without a key'],
  ['AZURE_CLIENT_ID', 'id-mcp', 'the name of the identity, not its client id'],
  ['MREG_SERVICE_BUS__credential', 'ManagedIdentity', 'not as the triggers spell it'],
  ['MREG_SERVICE_BUS__clientId', 'id-mcp', 'the name of the identity, not its client id'],
  ['MREG_API_CLIENT_ID', 'api://gateway', 'v2 tokens have the client id for audience'],
  ['MREG_TENANTS', 'common', 'not one tenant'],
  ['MREG_QUALITY_GATES', '{"nightly":[]}', 'a gate without checks'],
  ['MREG_QUALITY_GATES', '{"nightly":[{"check":"a-b","agent":"x"}]}', 'no name of a step'],
  ['MREG_QUALITY_GATES', '{"nightly":[{"check":"a","agent":"x","serverity":"warning"}]}', 'an unknown field'],
  ['MREG_EVENT_ROUTES', '{"disk_full":"mcp-debugger"}', 'not a list'],
  ['MREG_TENANTS', ' , ', 'no tenant'],
  ['MREG_PUBLIC_ORIGIN', 'https://mcp.contoso.com/', 'a path'],
  ['MREG_PUBLIC_ORIGIN', 'https://user@mcp.contoso.com', 'user information'],
  ['MREG_PUBLIC_ORIGIN', 'HTTPS://MCP.contoso.com', 'not as browsers and tokens spell it'],
  ['MREG_PUBLIC_ORIGIN', 'mcp.contoso.com', 'no scheme'],
  ['MREG_ALLOWED_ORIGINS', '*', 'every page of the web'],
  ['MREG_ALLOWED_ORIGINS', 'https://app.contoso.com null', 'what sandboxed pages say'],
  ['MREG_EXTERNAL_AGENTS', 'MCP Debugger', 'not as an agent is named'],
  ['MREG_CLIENT_SECRET', '', 'empty is not absent'],
  [
    'MREG_CREDENTIALS',
    '{"k":{"value":"v","onBehalfOf":"api://x","origins":["https://a.example.com"]}}',
    'two kinds at once',
  ],
  ['MREG_CREDENTIALS', '{"k":{"value":"v"}}', 'one that may go everywhere'],
  [
    'MREG_CREDENTIALS',
    '{"user-account":{"value":"v","origins":["https://a.example.com"]}}',
    'the name of the built-in one',
  ],
  [
    'MREG_CREDENTIALS',
    '{"k":{"clientCredentials":{"tokenUrl":"file:///etc/passwd","clientId":"c"},"origins":["https://a.example.com"]}}',
    'no URL of the web',
  ],
  [
    'MREG_CREDENTIALS',
    '{"k":{"userAccount":{"issuer":"https://login.example.com"},"origins":["https://a.example.com"]}}',
    'a preset client without an id',
  ],
  [
    'MREG_CLIENTS',
    '{"http://a.example/client.json":{"name":"A","redirectUris":["http://localhost/callback"]}}',
    'a document over plain http',
  ],
  ['MREG_CLIENTS', '{"a b":{"name":"A","redirectUris":["http://localhost/callback"]}}', 'a space in an id'],
  ['MREG_CREDENTIALS', '{"k":{"value":"v","origins":["https://a.example.com/mcp"]}}', 'a path is no origin'],
  ['MREG_CREDENTIALS', '{"k":{"value":"a\\r\\nb","origins":["https://a.example.com"]}}', 'a second header'],
  [
    'MREG_CREDENTIALS',
    '{"k":{"value":"v","origins":["https://a.example.com"],"tenants":["all"]}}',
    'no tenant',
  ],
  ['MREG_UPSTREAM_REGISTRY', '', 'empty is not absent'],
  ['MREG_UPSTREAM_REGISTRY', 'registry.example.com', 'no scheme'],
  ['MREG_UPSTREAM_REGISTRY', 'http://registry.example.com', 'plain http'],
  ['MREG_UPSTREAM_REGISTRY', 'https://registry.example.com?tenant=a', 'a query'],
  ['MREG_UPSTREAM_REGISTRY', 'https://user:secret@registry.example.com', 'user information'],
  ['MREG_UPSTREAM_REGISTRY', 'https://10.0.0.5', 'a private address'],
  ['MREG_PRIVATE_UPSTREAMS', 'true', 'one spelling only'],
  ['MREG_LOCAL_ISSUER', '', 'empty is not absent'],
  ['MREG_LOCAL_ISSUER', 'http://localhost:8002', 'a name, which anyone may resolve'],
  ['MREG_LOCAL_ISSUER', 'http://127.0.0.1.evil.example', 'only looks like loopback'],
  ['MREG_LOCAL_ISSUER', 'http://10.0.0.5:8002', 'not loopback'],
  ['MREG_LOCAL_ISSUER', 'http://127.1:8002', 'not the canonical spelling'],
  ['MREG_LOCAL_ISSUER', 'https://login.microsoftonline.com', 'not local'],
  ['MREG_LOCAL_ISSUER', 'http://127.0.0.1:8002/', 'a path'],
])('%s = %j is refused by its name: %s', (name, value) => {
  expect(namesOf({ ...developer, [name]: value })).toContain(name);
});

test.each([
  [
    'MREG_CREDENTIALS',
    '{"stock-key":{"value":"Bearer canary…","origins":["https://stock.contoso.com"]}}',
    ['stock-key.value must be at most 8,192 visible ASCII characters, with spaces between them only'],
  ],
  [
    'MREG_CREDENTIALS',
    '{"a":{"value":"canary"},"b":{"origins":["canary"],"tenants":["canary"],"other":"canary"}}',
    [
      'a.origins is required',
      'b.origins.0 must be an origin, such as https://mcp.contoso.com',
      'b.tenants.0 must be a GUID',
      'b.other there is no such field',
    ],
  ],
  [
    'MREG_CREDENTIALS',
    '{"a":{"origins":["https://stock.contoso.com"]}}',
    ['a must have exactly one of value, onBehalfOf, clientCredentials, managedIdentity, userAccount'],
  ],
  [
    'MREG_CREDENTIALS',
    '{"Bearer canary":"stock-key"}',
    ['a part of the JSON must be a name of lower-case letters, digits and -, such as stock-key'],
  ],
  [
    'MREG_CREDENTIALS',
    '{"sk-live-canary0123456789":{"value":"a","origins":["https://a.example"]},"canary canary":{"value":"a","origins":["https://a.example"]},"stock-key":{"value":"a","origins":["https://a.example"],"AKIACANARY0123456789":1}}',
    [
      'a part of the JSON must be a name of lower-case letters, digits and -, such as stock-key',
      'a part of the JSON there is no such field',
    ],
  ],
  ['MREG_CREDENTIALS', '["canary"]', ['the JSON must be an object, not a list']],
  [
    'MREG_CREDENTIALS',
    '{canary',
    [
      'must be JSON such as {"stock-key": {"value": "Bearer replace-me", "origins": ["https://stock.contoso.com"]}}',
    ],
  ],
  [
    'MREG_QUALITY_GATES',
    '{"nightly":[{"check":"canary-1","agent":"x","severity":"canary"}]}',
    [
      'nightly.0.check must be a name of lower-case letters, digits and _, such as disk_full',
      'nightly.0.severity must be one of critical, warning',
    ],
  ],
])('%s = %s names each wrong field, and no value', (name, value, expected) => {
  const problems = problemsOf({ ...required, [name]: value });
  expect(problems).toEqual(expected.map((problem) => `  ${name}: ${problem}`));
});

test.each(['servers.md', 'configuration.md'])(
  'the credentials of docs/%s are valid as they stand',
  async (file) => {
    const text = await readFile(join(import.meta.dirname, '../../../docs', file), 'utf8');
    const shell = [...text.matchAll(/^MREG_CREDENTIALS='([^']+)'/gm)].map(([, value]) => value);
    const [, json] = /## Credentials\n[^`]*```json\n([^`]+)```/.exec(text) ?? [];
    const examples = [...shell, ...(json === undefined ? [] : [json])];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples)
      expect(problemsOf({ ...required, MREG_CREDENTIALS: example })).toEqual([]);
  },
);

describe('the identity of an app', () => {
  const own = '0F4C1E52-7a3b-4d6e-9c8f-1a2b3c4d5e6f';
  const ofTriggers = {
    MREG_SERVICE_BUS__credential: 'managedidentity',
    MREG_SERVICE_BUS__clientId: own.toLowerCase(),
  };

  test('is the user-assigned one, for the app and for its triggers', () => {
    const config = readConfig({ ...required, AZURE_CLIENT_ID: own, ...ofTriggers });
    expect(config.identityClientId).toBe(own.toLowerCase());
  });

  test.each<[env: Record<string, string>, name: string, why: string]>([
    [{ AZURE_CLIENT_ID: own }, 'MREG_SERVICE_BUS__clientId', 'the triggers would use another identity'],
    [ofTriggers, 'MREG_SERVICE_BUS__clientId', 'the app would use another identity'],
    [
      { AZURE_CLIENT_ID: tenant, ...ofTriggers },
      'MREG_SERVICE_BUS__clientId',
      'the triggers would use another identity',
    ],
    [
      { AZURE_CLIENT_ID: own, MREG_SERVICE_BUS__clientId: own },
      'MREG_SERVICE_BUS__credential',
      'the triggers read the client id with it only',
    ],
    [
      { MREG_SERVICE_BUS__credential: 'managedidentity' },
      'MREG_SERVICE_BUS__credential',
      'the triggers would know no client id',
    ],
  ])('%j is refused by %s: %s', (env, name) => {
    expect(namesOf({ ...required, ...env })).toEqual([name]);
  });
});

test('a preset client may have the URL of its document for an id', () => {
  const id = 'https://claude.ai/oauth/claude-code-client-metadata';
  const clients = { [id]: { name: 'Claude Code', redirectUris: ['http://localhost/callback'] } };
  expect(readConfig({ ...required, MREG_CLIENTS: JSON.stringify(clients) }).clients).toEqual(clients);
});

test('no way to reach the Service Bus is refused', () => {
  const { MREG_SERVICE_BUS__fullyQualifiedNamespace: _, ...rest } = required;
  expect(namesOf(rest)).toEqual(['MREG_SERVICE_BUS']);
});

test('both ways to name the Service Bus at once are refused', () => {
  expect(problemsOf({ ...required, MREG_SERVICE_BUS: 'Endpoint=sb://bus' })).toEqual([
    '  MREG_SERVICE_BUS: set either it or MREG_SERVICE_BUS__fullyQualifiedNamespace',
  ]);
});

const developmentSettings = [
  ['MREG_LOCAL_ISSUER', 'http://127.0.0.1:8002', 'whoever holds its key is anyone'],
  ['MREG_LOCAL_ISSUER', '', 'its presence is enough'],
  ['MREG_PRIVATE_UPSTREAMS', 'allowed', 'opens the private network'],
  ['MREG_PRIVATE_UPSTREAMS', '', 'its presence is enough'],
  ['MREG_SERVICE_BUS', 'Endpoint=sb://x;UseDevelopmentEmulator=true', 'no TLS'],
  ['MREG_SERVICE_BUS', 'Endpoint=sb://x;usedevelopmentemulator=TRUE', 'the SDK reads it in any case'],
  ['MREG_TABLES', 'UseDevelopmentStorage=true', 'a well-known key'],
  ['MREG_TABLES', 'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k', 'no TLS'],
  ['MREG_REDIS_URL', 'redis://cache.contoso.com:6379', 'sessions and a password in the clear'],
  ['MREG_PUBLIC_ORIGIN', 'http://mcp.contoso.com', 'tokens in the clear'],
  ['MREG_MANAGEMENT_ORIGIN', 'http://registry.contoso.com', 'tokens in the clear'],
] as const;

const productions = [
  [{}, 'nobody says that it is a developer’s'],
  [{ AZURE_FUNCTIONS_ENVIRONMENT: 'Production' }, 'it says so'],
  [{ AZURE_FUNCTIONS_ENVIRONMENT: 'Staging' }, 'only Development is development'],
  [{ AZURE_FUNCTIONS_ENVIRONMENT: 'development' }, 'only in that spelling'],
  [{ AZURE_FUNCTIONS_ENVIRONMENT: 'Development', NODE_ENV: 'production' }, 'one of two says production'],
  ...[
    'WEBSITE_SITE_NAME',
    'WEBSITE_INSTANCE_ID',
    'WEBSITE_POD_NAME',
    'IDENTITY_ENDPOINT',
    'CONTAINER_APP_NAME',
  ].map((mark) => [{ AZURE_FUNCTIONS_ENVIRONMENT: 'Development', [mark]: '' }, `${mark} is set`] as const),
] as const;

describe.each(productions)('where %j, production because %s', (environment) => {
  test('it counts as production', () => {
    expect(isProduction(environment)).toBe(true);
  });

  test.each(developmentSettings)('%s = %j is refused: %s', (name, value) => {
    const { MREG_SERVICE_BUS__fullyQualifiedNamespace: namespace, ...rest } = required;
    const bus = name === 'MREG_SERVICE_BUS' ? {} : { MREG_SERVICE_BUS__fullyQualifiedNamespace: namespace };
    const problems = problemsOf({ ...rest, ...bus, ...environment, [name]: value });
    expect(problems.some((line) => line.startsWith(`  ${name}: `) && line.includes('development only'))).toBe(
      true,
    );
  });
});

test('production does not accept every certificate', () => {
  const problems = problemsOf({ ...required, NODE_ENV: 'production', NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  expect(problems).toContainEqual(expect.stringMatching(/^ {2}NODE_TLS_REJECT_UNAUTHORIZED: must not be 0/));
});

test('a developer’s machine is no production', () => {
  expect(isProduction({ AZURE_FUNCTIONS_ENVIRONMENT: 'Development' })).toBe(false);
  expect(isProduction({ AZURE_FUNCTIONS_ENVIRONMENT: 'Development', NODE_ENV: 'test' })).toBe(false);
});
