import { describe, expect, test } from 'vitest';
import { describeEnvironment } from '../../../shared/platform/config/environment.ts';
import { readConfig } from '../../../shared/platform/config/readConfig.ts';
import { type SettingName, settingNames } from '../../../shared/platform/config/settings.ts';
import { fingerprintsOf, keyIdOf } from '../../../shared/platform/config/settingValues.ts';
import { testSealingKey } from '../../support/config.ts';

const tenant = 'aaaaaaaa-1111-4111-8111-111111111111';
const other = 'bbbbbbbb-2222-4222-8222-222222222222';
const base: Record<string, string> = {
  AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
  MREG_APP: 'mcp',
  MREG_TABLES: 'AccountName=a;AccountKey=one;TableEndpoint=https://a.table.example',
  MREG_SERVICE_BUS: 'Endpoint=sb://b.example/;SharedAccessKeyName=n;SharedAccessKey=one',
  MREG_REDIS_URL: 'rediss://user:one@r.example:6380/0',
  MREG_API_CLIENT_ID: tenant,
  MREG_SEALING_KEYS: testSealingKey,
  MREG_CLIENT_SECRET: 'one',
  MREG_SIGN_IN_CLIENT_ID: other,
  MREG_SIGN_IN_CLIENT_SECRET: 'one',
  MREG_CLIENTS: '{"agent":{"name":"Agent","redirectUris":["http://127.0.0.1/cb"]}}',
  MREG_GRANT_ISSUERS: '{}',
  MREG_RATE_LIMITS: '{}',
  MREG_TENANTS: `${tenant},${other}`,
  MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
  MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
  MREG_ALLOWED_ORIGINS: 'https://a.contoso.com https://b.contoso.com',
  MREG_QUALITY_GATES: '{"nightly":[{"check":"c","agent":"mcp-debugger"}]}',
  MREG_EVENT_ROUTES: '{"disk_full":["mcp-debugger"]}',
  MREG_EXTERNAL_AGENTS: 'mcp-debugger',
  MREG_CREDENTIALS: '{"k":{"value":"v","origins":["https://a.contoso.com"]}}',
  MREG_UPSTREAM_REGISTRY: 'https://registry.example.com',
  MREG_LOCAL_ISSUER: 'http://127.0.0.1:8002',
  MREG_PRIVATE_UPSTREAMS: 'allowed',
};
const prints = (more: Record<string, string> = {}, key = 'key') => {
  const env = { ...base, ...more };
  return fingerprintsOf(readConfig(env), describeEnvironment(env).set, key);
};

describe('a fingerprint', () => {
  test('is there of each setting that is set, and of no other', () => {
    const absent: readonly SettingName[] = [
      'AZURE_CLIENT_ID',
      'MREG_SERVICE_BUS__clientId',
      'MREG_SERVICE_BUS__credential',
      'MREG_SERVICE_BUS__fullyQualifiedNamespace',
    ];
    expect(Object.keys(prints()).sort()).toEqual(
      settingNames.filter((name) => !absent.includes(name)).sort(),
    );
  });

  test.each([
    ['MREG_TABLES', 'AccountName=b;AccountKey=one;TableEndpoint=https://a.table.example'],
    ['MREG_SERVICE_BUS', 'Endpoint=sb://c.example/;SharedAccessKeyName=n;SharedAccessKey=one'],
    ['MREG_REDIS_URL', 'rediss://user:one@r.example:6380/1'],
    ['MREG_API_CLIENT_ID', other],
    ['MREG_TENANTS', `${other},${tenant}`],
    ['MREG_PUBLIC_ORIGIN', 'https://mcp2.contoso.com'],
    ['MREG_CREDENTIALS', '{"k":{"value":"w","origins":["https://a.contoso.com"]}}'],
    ['MREG_EVENT_ROUTES', '{"disk_full":["mcp-orchestrator"]}'],
  ])('of %s is another when its value is', (name, value) => {
    const [before, after] = [prints(), prints({ [name]: value })];
    const changed = Object.keys(before).filter(
      (key) => before[key as SettingName] !== after[key as SettingName],
    );
    expect(changed).toEqual([name]);
  });

  test.each([
    ['MREG_TABLES', 'TableEndpoint=https://a.table.example;AccountKey=two;AccountName=a', 'another key'],
    ['MREG_SERVICE_BUS', 'Endpoint=sb://B.example/;SharedAccessKeyName=m;SharedAccessKey=two', 'another key'],
    ['MREG_REDIS_URL', 'rediss://user:two@r.example:6380', 'another password, and the first database'],
    ['MREG_CLIENT_SECRET', 'two', 'another secret of the same registration'],
    ['MREG_TENANTS', ` ${tenant.toUpperCase()} ${other}`, 'another way to write it'],
    ['MREG_ALLOWED_ORIGINS', 'https://b.contoso.com,https://a.contoso.com', 'another order'],
    ['MREG_EVENT_ROUTES', '{ "disk_full": [ "mcp-debugger" ] }', 'other spaces'],
  ])('of %s is the same with %s: %s', (name, value) => {
    expect(prints({ [name]: value })).toEqual(prints());
  });

  test('cannot be made without the key, which its name does not tell', () => {
    const [one, two] = [prints({}, 'one'), prints({}, 'two')];
    for (const name of Object.keys(one)) expect(one[name as SettingName]).not.toBe(two[name as SettingName]);
    expect(keyIdOf('one')).not.toBe(keyIdOf('two'));
    expect(keyIdOf('one')).toHaveLength(8);
  });
});

describe('an environment', () => {
  test.each([
    ['azure', { WEBSITE_SITE_NAME: 'x', AZURE_FUNCTIONS_ENVIRONMENT: 'Development' }],
    ['core_tools', { FUNCTIONS_CORETOOLS_ENVIRONMENT: 'True', AZURE_FUNCTIONS_ENVIRONMENT: 'Development' }],
    ['local', { AZURE_FUNCTIONS_ENVIRONMENT: 'Development' }],
    ['unknown', {}],
  ])('is %s where %j says so', (host, env) => {
    expect(describeEnvironment(env).host).toBe(host);
  });

  test('tells names alone: of what is not a setting, and of what only a developer may have', () => {
    const facts = describeEnvironment({ ...base, MREG_TENANT: 'secret', PATH: '/' });
    expect(facts.unknown).toEqual(['MREG_TENANT']);
    expect(facts.developmentOnly.map(({ setting }) => setting)).toEqual([
      'MREG_LOCAL_ISSUER',
      'MREG_PRIVATE_UPSTREAMS',
    ]);
    expect(JSON.stringify(facts)).not.toMatch(/secret|one|contoso/);
  });
});
