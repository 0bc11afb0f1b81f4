import { execFile } from 'node:child_process';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { setInAzd } from '../../infra/azd/azdEnvironment.ts';
import { signInToGraph } from '../../infra/entra/signIn.ts';
import { fakeAzureClis, type FakeClis } from '../support/fakeAzureClis.ts';

const tid = '0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a';
const oid = '0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b';
const other = '0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c';
const signed = (claims: Record<string, string>) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const azdAnswer = (token: string) => JSON.stringify({ token, expiresOn: inAnHour });
const azAnswer = (accessToken: string) =>
  JSON.stringify({ accessToken, expires_on: Math.floor(Date.now() / 1_000) + 3_600 });

let clis: FakeClis;
beforeEach(async () => {
  clis = await fakeAzureClis();
  vi.stubEnv('PATH', clis.folder);
});
afterEach(async () => {
  // The next file of this worker looks for programs when it is loaded.
  vi.unstubAllEnvs();
  await clis.remove();
});

describe('the token for Graph', () => {
  test('is of the sign-in of azd, for Graph and the tenant', async () => {
    const token = await signed({ tid, oid });
    await clis.add('azd', [{ args: /^auth token/, stdout: azdAnswer(token) }]);
    expect(await signInToGraph(tid)).toEqual({ token, tenantId: tid, principalId: oid });
    const [call = []] = await clis.calls();
    expect(call.join(' ')).toContain('--scope https://graph.microsoft.com/.default');
    expect(call.join(' ')).toContain(`--tenant-id ${tid}`);
  });

  test.each([
    { azd: undefined, why: 'is missing' },
    {
      azd: { args: /auth/, stderr: 'ERROR: not logged in, run `azd auth login` to login', code: 1 },
      why: 'is not signed in',
    },
  ])('is of the sign-in of az where azd $why', async ({ azd }) => {
    const token = await signed({ tid, oid });
    if (azd) await clis.add('azd', [azd]);
    await clis.add('az', [{ args: /^account get-access-token/, stdout: azAnswer(token) }]);
    expect(await signInToGraph(undefined)).toEqual({ token, tenantId: tid, principalId: oid });
    expect((await clis.calls()).at(-1)?.join(' ')).toContain('--resource https://graph.microsoft.com');
  });

  test('is missing where nobody is signed in: the error names both command lines, in one line', async () => {
    await clis.add('az', [
      { args: /account/, stderr: "ERROR: Please run 'az login' to setup account.", code: 1 },
    ]);
    const error: unknown = await signInToGraph(undefined).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/No sign-in to Azure\. Run azd auth login, or az login/);
    expect(String(error)).toMatch(/azd: Azure Developer CLI couldn't be found; az: Please run 'az login'/);
    expect(String(error)).not.toContain('\n');
  });

  test.each([
    { claims: { tid: other, oid }, why: 'of another tenant' },
    { claims: { tid }, why: 'of a personal account, which has no object id' },
  ])('is refused where it is $why', async ({ claims }) => {
    const token = await signed(claims);
    await clis.add('azd', [{ args: /auth/, stdout: azdAnswer(token) }]);
    const error: unknown = await signInToGraph(tid).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(`azd auth login --tenant-id ${tid}`);
    expect(String(error)).not.toContain(token);
  });
});

describe('results for azd', () => {
  test('go to the named environment in one call, and no shell reads them', async () => {
    await clis.add('azd', [{ args: /^env set/ }]);
    await setInAzd({ A: '$(id) `id` "x"', B: '2' }, 'dev');
    expect(await clis.calls()).toEqual([
      ['azd', 'env', 'set', 'A=$(id) `id` "x"', 'B=2', '--environment', 'dev', '--no-prompt'],
    ]);
  });

  test('are not written where there are none', async () => {
    await setInAzd({}, undefined);
  });

  test.each([
    { add: false, message: 'azd is not on the PATH' },
    { add: true, message: 'azd env set failed for A. Run it by hand to see the reason: azd env set A=1' },
  ])('that azd does not take are an error: $message', async ({ add, message }) => {
    if (add) await clis.add('azd', [{ args: /^env set/, code: 1, stderr: 'ERROR: no project exists' }]);
    await expect(setInAzd({ A: '1' }, undefined)).rejects.toThrow(message);
  });
});

describe('npm run entra', () => {
  const command = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const main = new URL('../../infra/entra/main.ts', import.meta.url).pathname;
      const child = execFile(
        process.execPath,
        [main, ...args],
        { env: { PATH: clis.folder, ...env } },
        (_error, stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, stdout, stderr });
        },
      );
    });

  test('ends well without a sign-in where the user named a registration', async () => {
    const done = await command(['ensure', '--azd'], { MREG_API_CLIENT_ID: oid });
    expect(done).toMatchObject({ code: 0, stdout: '' });
    expect(done.stderr).toContain(oid);
    expect(await clis.calls()).toEqual([]);
  });

  test.each([
    { args: ['ensure'], says: 'npm run entra: No sign-in to Azure.' },
    { args: ['destroy'], says: 'npm run entra: The first argument must be ensure or federate.' },
  ])('$args ends with code 1 and one line', async ({ args, says }) => {
    const done = await command(args);
    expect(done).toMatchObject({ code: 1, stdout: '' });
    expect(done.stderr.trim().split('\n')).toEqual([expect.stringContaining(says)]);
  });
});
