import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const code = join(import.meta.dirname, '../../shared/platform/managedIdentity/appIdentity.ts');
const script = `
  const { inspect } = await import('node:util');
  const { openAppIdentity } = await import(${JSON.stringify(code)});
  const identity = openAppIdentity('0f4c1e52-7a3b-4d6e-9c8f-1a2b3c4d5e6f');
  console.log(await identity.getToken('https://storage.azure.com/.default').catch(inspect));`;

// In a process of its own: MSAL reads the variables with the first token of a process.
test('an error does not hold the secret of the identity endpoint, even one that no header can hold', async () => {
  const env = { IDENTITY_ENDPOINT: 'http://127.0.0.1:9/msi/token', IDENTITY_HEADER: 'secret\nheader' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env,
  });
  expect(stdout).toContain('the identity endpoint cannot be asked');
  expect(stdout).not.toContain('secret');
});
