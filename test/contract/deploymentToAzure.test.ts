import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { azureTarget } from '../../infra/deploy/azure/azureTarget.ts';
import { deploy, printPlan } from '../../infra/deploy/deployment.ts';
import { countFunctions } from '../../infra/deploy/packageFunctions.ts';
import { requireRunningBuild } from '../../infra/deploy/requireRunningBuild.ts';
import { smoke } from '../../infra/deploy/smoke.ts';
import { readPackage } from '../../infra/deploy/stagePackage.ts';
import { type TestPackages, testPackages } from '../support/deployment/packages.ts';
import { type StandInGateway, standInGateway } from '../support/deployment/standInGateway.ts';
import {
  type AzureState,
  siteId,
  type StandInPrograms,
  standInPrograms,
} from '../support/deployment/standInPrograms.ts';
import { run } from '../support/run.ts';

let packages: TestPackages;
let folder: string;
let functions: Record<'mcp' | 'management', number>;
let token: string;
beforeAll(async () => {
  packages = await testPackages();
  folder = await packages.make('new-build');
  functions = {
    mcp: await countFunctions(folder, 'mcp'),
    management: await countFunctions(folder, 'management'),
  };
  const { privateKey } = await generateKeyPair('RS256');
  token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(privateKey);
});
afterAll(() => packages.remove());

let programs: StandInPrograms;
let gateway: StandInGateway;
beforeEach(async () => {
  programs = standInPrograms();
  gateway = await standInGateway(token);
  gateway.build = 'new-build';
  vi.stubEnv('PATH', programs.path);
});
afterEach(async () => {
  // The next file of this worker looks for programs when it is loaded.
  vi.unstubAllEnvs();
  await gateway.stop();
  programs.remove();
});

const unprovisioned = {
  AZURE_ENV_NAME: 'test',
  AZURE_SUBSCRIPTION_ID: '11111111-1111-4111-8111-111111111111',
  AZURE_LOCATION: 'westeurope',
  // A parameter that is not used.
  MREG_PUBLIC_ORIGIN: '',
};
const provisioned = () => ({
  AZURE_TENANT_ID: '22222222-2222-4222-8222-222222222222',
  MREG_PUBLIC_ORIGIN: gateway.origin,
  MREG_MANAGEMENT_ORIGIN: gateway.origin,
  MREG_API_CLIENT_ID: '33333333-3333-4333-8333-333333333333',
  MREG_APPS: JSON.stringify(
    ['mcp', 'management'].map((app) => ({ app, name: `func-${app}`, id: siteId(app) })),
  ),
});
function azure(state: Partial<AzureState> = {}): void {
  const values = { ...unprovisioned, ...provisioned() };
  programs.set({ values, provisioned: provisioned(), token, functions, failing: {}, ...state });
}

async function deployed(environment = 'test') {
  const lines: string[] = [];
  const succeeded = await deploy({
    environment,
    target: azureTarget(environment),
    stage: () => readPackage(folder),
    signal: new AbortController().signal,
    print: (line) => lines.push(line),
  });
  return { succeeded, output: lines.join('\n') };
}
const changes = () => programs.calls().filter((call) => /^azd (provision|deploy)/.test(call));
const at = '--environment test --no-prompt';

test('the first deployment provisions, deploys mcp before management, and keeps its record in Azure', async () => {
  azure({ values: unprovisioned });
  const { succeeded, output } = await deployed();
  expect(succeeded, output).toBe(true);
  expect(changes()).toEqual([`azd provision ${at}`, `azd deploy mcp ${at}`, `azd deploy management ${at}`]);
  expect(output).toContain('skipped, because no gateway runs yet');
  expect(JSON.parse(programs.blob('management/deployment.json') ?? '')).toMatchObject({
    environment: 'test',
    build: 'new-build',
    outcome: 'succeeded',
  });
  expect(gateway.events).toMatchObject([{ type: 'deployment_status', detail: { outcome: 'succeeded' } }]);
});

test('a gate that fails afterwards brings back the packages that the apps ran, management first', async () => {
  azure();
  programs.putBlob('mcp/released-package.zip', 'old mcp');
  programs.putBlob('management/released-package.zip', 'old management');
  gateway.failingGates.add('post_deployment');
  const { succeeded, output } = await deployed();
  expect(succeeded).toBe(false);
  expect(output).toContain('the gate post_deployment did not pass: wheel: it came off');
  expect(changes()).toEqual([
    `azd provision ${at}`,
    `azd deploy mcp ${at}`,
    `azd deploy management ${at}`,
    `azd deploy management --from-package FILE ${at}`,
    `azd deploy mcp --from-package FILE ${at}`,
  ]);
  expect(programs.blob('mcp/released-package.zip')).toBe('old mcp');
  expect(programs.blob('management/released-package.zip')).toBe('old management');
  expect(gateway.events).toMatchObject([
    { detail: { outcome: 'rolled_back', step: 'post_deployment', build: 'new-build', environment: 'test' } },
  ]);
});

test('a gate that fails before changes nothing', async () => {
  azure();
  programs.putBlob('management/released-package.zip', 'old management');
  gateway.failingGates.add('pre_deployment');
  expect((await deployed()).succeeded).toBe(false);
  expect(changes()).toEqual([]);
});

test('the next deployment from another machine brings back what a lost machine left', async () => {
  azure();
  gateway.failingGates.add('pre_deployment');
  programs.putBlob('mcp/released-package.zip', 'old mcp');
  programs.putBlob('management/released-package.zip', 'old management');
  const lost = { host: 'lost', pid: 7, outcome: 'running', unproven: ['mcp'], kept: ['mcp', 'management'] };
  await deployed();
  const record = JSON.parse(programs.blob('management/deployment.json') ?? '') as object;
  programs.putBlob('mcp/released-package.zip', 'half of a deployment');
  const stored = (updatedAt: string) => {
    programs.putBlob('management/deployment.json', JSON.stringify({ ...record, ...lost, updatedAt }));
  };
  gateway.failingGates.clear();

  stored(new Date().toISOString());
  await expect(deployed()).rejects.toThrow(/on lost \(process 7\) and has not ended\. .* try again after /);

  stored(new Date(Date.now() - 2 * 3_600_000).toISOString());
  programs.forgetCalls();
  const { succeeded, output } = await deployed();
  expect(succeeded, output).toBe(true);
  expect(changes()[0]).toBe(`azd deploy mcp --from-package FILE ${at}`);
  expect(programs.blob('mcp/previous-package.zip')).toBe('old mcp');
});

test('the dry run changes nothing and prints the plan', async () => {
  azure();
  const lines: string[] = [];
  await printPlan({ environment: 'test', target: azureTarget('test'), print: (line) => lines.push(line) });
  expect(lines[0]).toBe(
    `Plan of a deployment to test: subscription ${unprovisioned.AZURE_SUBSCRIPTION_ID}, westeurope`,
  );
  expect(lines.at(-1)).toMatch(
    /undone in this order, where they have begun: deploy_management, deploy_mcp\.$/,
  );
  expect(changes()).toEqual([]);
  expect(programs.calls().filter((call) => call.includes('upload'))).toEqual([]);
});

test.each([
  {
    problem: 'an unknown environment',
    environment: 'other',
    state: {},
    message:
      /azd env get-values --environment ended with exit code 1: ERROR: environment 'other' does not exist/,
  },
  {
    problem: 'a missing value',
    state: { values: { AZURE_LOCATION: 'westeurope' } },
    message: /environment test of azd is not complete: AZURE_SUBSCRIPTION_ID: .*azd env set/,
  },
  {
    problem: 'no right to read the packages',
    state: { failing: { 'storage blob exists': 'ERROR: You do not have the required permissions' } },
    message:
      /required permissions\. Whoever deploys needs the role "Storage Blob Data Contributor" on .* stm/,
  },
  {
    problem: 'az that is not signed in',
    state: { failing: { 'account show': "ERROR: Please run 'az login'" } },
    message: /az does not see the subscription .*: run az login/,
  },
])('$problem is named before anything changes', async ({ environment, state, message }) => {
  azure(state);
  const outcome = await deployed(environment).catch((error: unknown) => ({ output: String(error) }));
  expect(outcome.output).toMatch(message);
  expect(changes()).toEqual([]);
});

test('a program that is missing is named', async () => {
  vi.stubEnv('PATH', '/nowhere');
  expect((await deployed()).output).toMatch(/azd cannot be started .*: install it/);
});

test.each([
  { fault: 'takes_every_token', message: /mcp app answered a token with a forged signature with status 200/ },
  { fault: 'has_no_tool', message: /the mcp app does not list its tool gateway__list_servers/ },
  { fault: 'fails_the_call', message: /the mcp app did not run its tool gateway__list_servers/ },
] as const)('the smoke test finds a gateway that $fault', async ({ fault, message }) => {
  azure();
  gateway.fault = fault;
  const access = await azureTarget('test').gateway();
  if (!access) throw new Error('not provisioned');
  await expect(smoke(access, folder, new AbortController().signal)).rejects.toThrow(message);
});

test('the smoke test finds an app whose host found other functions than the package has', async () => {
  azure({ functions: { ...functions, management: 0 } });
  const access = await azureTarget('test').gateway();
  if (!access) throw new Error('not provisioned');
  await expect(
    smoke({ ...access, settlesWithinMs: 0 }, folder, new AbortController().signal),
  ).rejects.toThrow(/the host of the management app found 0 functions, and the package has \d+/);
});

test('the smoke test expects no functions of a sign-in where the gateway has none of its own', async () => {
  const without = { signsIn: false };
  const mcp = await countFunctions(folder, 'mcp', without);
  const management = await countFunctions(folder, 'management', without);
  expect(mcp).toBeLessThan(functions.mcp);
  azure({ functions: { mcp, management } });
  gateway.signsIn = false;
  const access = await azureTarget('test').gateway();
  if (!access) throw new Error('not provisioned');
  const seen = await smoke({ ...access, settlesWithinMs: 0 }, folder, new AbortController().signal);
  expect(seen).toContain(`${mcp} functions in mcp`);
});

describe('the smoke test alone needs the package that the gateway runs', () => {
  const required = async (packageFolder: string) => {
    azure();
    const access = await azureTarget('test').gateway();
    if (!access) throw new Error('not provisioned');
    return requireRunningBuild(access, packageFolder, new AbortController().signal);
  };

  test('which is there', async () => {
    await expect(required(folder)).resolves.toBeUndefined();
  });

  test('which is missing', async () => {
    await expect(required('/nowhere')).rejects.toThrow(/^\/nowhere is no package: .* Run npm run package$/);
  });

  test('which is another one', async () => {
    gateway.build = 'old-build';
    await expect(required(folder)).rejects.toThrow(
      /holds build new-build, and the gateway runs build old-build\. After a rollback.* npm run package$/,
    );
  });
});

describe('npm run smoke -- --azd, the hook of azd', () => {
  const smokeMain = join(import.meta.dirname, '../../infra/deploy/smokeMain.ts');
  const hook = async (more: NodeJS.ProcessEnv) => {
    const env = { PATH: programs.path, AZURE_ENV_NAME: 'test', ...more };
    const started = run(process.execPath, [smokeMain, '--azd'], { cwd: tmpdir(), env });
    const ended = await started.ended;
    return { ...ended, output: await started.printed(/^/) };
  };

  test('leaves the test to a deployment that runs azd', async () => {
    azure();
    expect(await hook({ MREG_DEPLOYMENT: 'test' })).toMatchObject({
      code: 0,
      output: expect.stringContaining('left to npm run deploy') as string,
    });
    expect(programs.calls()).toEqual([]);
  });

  test('says that the environment is not provisioned', async () => {
    azure({ values: unprovisioned });
    expect(await hook({})).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^npm run smoke: the environment test names no origins/) as string,
    });
  });
});
