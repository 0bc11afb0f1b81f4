import { type Config, readConfig } from '../../shared/platform/config/config.ts';

export const testSealingKey = 'a-sealing-key-of-tests-that-is-long-enough';

/** Returns the configuration of a production app that reaches nothing, with other settings where a test has them. */
export const testConfig = (settings: Readonly<Record<string, string>> = {}): Config =>
  readConfig({
    MREG_APP: 'management',
    MREG_TABLES: 'https://nowhere.table.core.windows.net',
    MREG_SERVICE_BUS__fullyQualifiedNamespace: 'nowhere.servicebus.windows.net',
    MREG_API_CLIENT_ID: 'c0ffee00-0000-4000-8000-000000000001',
    MREG_SEALING_KEYS: testSealingKey,
    MREG_TENANTS: '11111111-1111-4111-8111-111111111111',
    MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
    MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
    ...settings,
  });
