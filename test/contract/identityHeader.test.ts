import { inspect } from 'node:util';
import { afterAll, expect, test, vi } from 'vitest';
import { openAppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';

afterAll(() => vi.unstubAllEnvs());

// In a file of its own: MSAL reads the variables with the first token of the process.
test('an error does not hold the secret of the identity endpoint, even one that no header can hold', async () => {
  vi.stubEnv('IDENTITY_ENDPOINT', 'http://127.0.0.1:9/msi/token');
  vi.stubEnv('IDENTITY_HEADER', 'secret\nheader');
  const identity = openAppIdentity('0f4c1e52-7a3b-4d6e-9c8f-1a2b3c4d5e6f');
  const failed = await identity.getToken('https://storage.azure.com/.default').catch(inspect);
  expect(failed).toContain('the identity endpoint cannot be asked');
  expect(failed).not.toContain('secret');
});
