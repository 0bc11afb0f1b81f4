import { expect, test } from 'vitest';
import { readConfig } from '../../../shared/platform/config/readConfig.ts';
import { secretsOf } from '../../../shared/platform/config/settingValues.ts';
import { createRedactor } from '../../../shared/platform/security/redact.ts';
import { jsonLog } from '../../../shared/platform/telemetry/log.ts';

test('no secret of the settings is in a log, whatever an error of a library says', () => {
  const canaries = ['credential', 'client', 'sealing', 'redis', 'storage', 'bus', 'app', 'preset'].map(
    (name) => `canary-of-${name}-that-is-long-enough`,
  );
  const [
    credential = '',
    client = '',
    sealing = '',
    redis = '',
    storage = '',
    bus = '',
    app = '',
    preset = '',
  ] = canaries;
  const config = readConfig({
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    MREG_APP: 'mcp',
    MREG_TABLES: `AccountName=a;AccountKey=${storage};EndpointSuffix=core.windows.net`,
    MREG_SERVICE_BUS: `Endpoint=sb://b.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=${bus}`,
    MREG_REDIS_URL: `rediss://user:${redis}@redis.example:6380`,
    MREG_API_CLIENT_ID: 'c0ffee00-0000-4000-8000-000000000001',
    MREG_CLIENT_SECRET: client,
    MREG_SEALING_KEYS: sealing,
    MREG_TENANTS: '11111111-1111-4111-8111-111111111111',
    MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
    MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
    MREG_CREDENTIALS: JSON.stringify({
      key: { value: `Bearer ${credential}`, origins: ['https://x.example'] },
      app: {
        clientCredentials: { tokenUrl: 'https://login.example/token', clientId: 'c', clientSecret: app },
        origins: ['https://x.example'],
      },
      crm: {
        userAccount: { issuer: 'https://login.example', clientId: 'c', clientSecret: preset },
        origins: ['https://x.example'],
      },
    }),
  });
  const lines: string[] = [];
  const log = jsonLog('mcp', (line) => void lines.push(line), createRedactor(secretsOf(config))?.text);
  for (const canary of canaries)
    log.error(
      'request_failed',
      { path: canary },
      new Error('outer', { cause: new Error(`it sent ${canary}`) }),
    );
  expect(lines).toHaveLength(canaries.length);
  expect(lines.join()).toContain('[redacted]');
  expect(lines.join()).not.toContain('canary');
});
