import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localTarget } from '../../infra/deploy/local/localTarget.ts';
import { recordSchema } from '../../infra/deploy/target.ts';
import { deploymentFolder } from '../../infra/local/deployments.ts';
import { startTopology, type Topology } from '../../infra/local/topology.ts';
import { faults, type TestPackages, testPackages } from '../support/deployment/packages.ts';
import { managementApi } from '../support/managementApi.ts';
import { type TestPlace, testPlace } from '../support/place.ts';
import { type Run, run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const command = join(root, 'test/support/processes/deploy.ts');

/** For packages with a fault. The apps are ready when this time begins. */
const SETTLES_WITHIN_MS = 8_000;

let place: TestPlace;
let topology: Topology;
let packages: TestPackages;
beforeAll(async () => {
  place = await testPlace();
  packages = await testPackages();
  topology = await startTopology({ ...place, withoutApps: true, build: false });
});
afterAll(async () => {
  await topology.stop();
  await place.remove();
  await packages.remove();
});

/** Starts the command, as someone at a terminal would. */
function start(folder: string, settlesWithinMs = 60_000): Run {
  const at = ['--port-offset', String(place.portOffset), '--data', place.dataDir];
  const args = [command, folder, String(settlesWithinMs), '--environment', 'local', ...at];
  return run(process.execPath, args, { cwd: root });
}

interface Deployed {
  readonly code: number | null;
  readonly output: string;
}
async function deployed(started: Run): Promise<Deployed> {
  const { code, errors } = await started.ended;
  expect(errors).toBe('');
  return { code, output: await started.printed(/^/) };
}
const deploy = async (build: string, fault?: string) =>
  deployed(start(await packages.make(build, fault), fault === undefined ? undefined : SETTLES_WITHIN_MS));

const record = async () =>
  recordSchema.parse(
    JSON.parse(await readFile(join(deploymentFolder(place.dataDir), 'record.json'), 'utf8')),
  );

/** Returns the build that each app runs by its own account. */
async function builds(): Promise<unknown> {
  const api = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  const asked = await api.post('/delegations?wait=30', { taskType: 'azure_container_deployment' });
  const { facts } = asked.body['result'] as {
    facts: { apps: { app: string; instances: { build: string }[] }[] };
  };
  return Object.fromEntries(
    facts.apps.map(({ app, instances }) => [app, instances.map(({ build }) => build)]),
  );
}
const bothRun = (build: string) => ({ management: [build], mcp: [build] });

/** Returns what the audit trail says about the last deployment: of the request, and of both agents. */
async function audited(): Promise<readonly string[]> {
  const auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const { id } = await record();
  const { body } = await auditor.get(`/audit?resource=deployments/${id}`);
  const items = body['items'] as { actor: string; action: string; outcome: string }[];
  return items.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`).sort();
}

describe('npm run deploy to the local topology', { timeout: 240_000 }, () => {
  test('the first deployment runs every step, and says once that no gateway ran before', async () => {
    const { code, output } = await deploy('v1');
    expect(code, output).toBe(0);
    expect(output.match(/skipped, because no gateway runs yet/g)).toHaveLength(1);
    expect([...output.matchAll(/^\[\d+\/10\] (\w+):/gm)].map(([, name]) => name)).toEqual([
      'validate',
      'package',
      'keep',
      'pre_deployment',
      'provision',
      'deploy_mcp',
      'deploy_management',
      'health',
      'post_deployment',
      'smoke',
    ]);
    expect(output).toMatch(
      /ok after \d+\.\d s: \d+ functions in mcp, \d+ functions in management, a forged token is refused/,
    );
    expect(await record()).toMatchObject({ outcome: 'succeeded', build: 'v1', kept: [], unproven: [] });
    expect(await builds()).toEqual(bothRun('v1'));
    await expect
      .poll(audited, { timeout: 10_000 })
      .toEqual([
        'mcp-deployment-specialist events.deployment_status succeeded',
        'mcp-orchestrator events.deployment_status succeeded',
      ]);
  });

  test('a package that does not pass the gate after it is replaced by the previous one, management first', async () => {
    const { code, output } = await deploy('v2', faults.gate);
    expect(code).toBe(1);
    expect(output).toMatch(/\] pre_deployment: .*\n +ok after \d+\.\d s: passed\n/);
    expect(output).toMatch(
      /\] post_deployment: .*\n +FAILED after \d+\.\d s: the gate post_deployment did not pass: \w+: .+/,
    );
    expect(output).toMatch(
      /the management app runs its previous package again\n.*the mcp app runs its previous package again\n/,
    );
    expect(output).toMatch(/Deployment \S+ was rolled back: the step post_deployment failed\.\n$/);
    expect(await record()).toMatchObject({ outcome: 'rolled_back', build: 'v2', unproven: [] });
    expect(await builds()).toEqual(bothRun('v1'));
    await expect
      .poll(audited, { timeout: 10_000 })
      .toEqual([
        'mcp-deployment-specialist events.deployment_status not_passed',
        'mcp-orchestrator events.deployment_status not_passed',
      ]);
  });

  test.each([
    { step: 'deploy_mcp', fault: faults.load, reason: /the mcp app did not start: .*failed at load/ },
    { step: 'health', fault: faults.health, reason: /an instance of the mcp app runs build another/ },
    {
      step: 'smoke',
      fault: faults.smoke,
      reason: /the mcp app found \d+ functions, and the package has \d+/,
    },
  ])('a package that fails at $step is rolled back', async ({ step, fault, reason }) => {
    const { code, output } = await deploy(`not-${step}`, fault);
    expect(code).toBe(1);
    expect(output).toMatch(reason);
    expect(output).toMatch(new RegExp(`was rolled back: the step ${step} failed\\.\\n$`));
    expect(await builds()).toEqual(bothRun('v1'));
  });

  test('a gateway that does not pass the gate before a deployment is not changed', async () => {
    const target = localTarget({ environment: 'local', ...place });
    const folder = await packages.make('v1-changed', faults.gate);
    await target.deploy('mcp', { folder, build: 'v1-changed' }, AbortSignal.timeout(60_000));
    const { code, output } = await deploy('v3');
    expect(code).toBe(1);
    expect(output).toMatch(/FAILED after .*: the gate pre_deployment did not pass: azure_oauth_validation: /);
    expect(output).not.toContain('deploy_mcp');
    expect(await record()).toMatchObject({ outcome: 'failed', step: 'pre_deployment' });
    await target.deploy(
      'mcp',
      { folder: await packages.make('v1'), build: 'v1' },
      AbortSignal.timeout(60_000),
    );
  });

  test('a deployment that is killed midway is undone by the next one, which then goes on', async () => {
    const killed = start(await packages.make('v4'));
    await killed.printed(/\] deploy_management: /);
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await record()).toMatchObject({
      outcome: 'running',
      build: 'v4',
      unproven: expect.arrayContaining(['mcp']) as string[],
    });

    // It fails too. So what it returns to shows which package counts as the previous one.
    const next = await deploy('v5', faults.load);
    expect(next.output).toMatch(
      /^Deployment \S+ began the step deploy_(mcp|management) at .* did not end, or could not/m,
    );
    expect(next.output).toMatch(/\] pre_deployment: .*\n +ok after \d+\.\d s: passed\n/);
    expect(next.output).toMatch(/was rolled back: the step deploy_mcp failed/);
    expect(await builds()).toEqual(bothRun('v1'));

    const last = await deploy('v6');
    expect(last.code, last.output).toBe(0);
    expect(await builds()).toEqual(bothRun('v6'));
  });

  test('two deployments at the same time: the second changes nothing', async () => {
    const first = start(await packages.make('v7'));
    await first.printed(/\] pre_deployment: /);
    const second = await start(await packages.make('v8')).ended;
    expect(second).toMatchObject({
      code: 1,
      errors: expect.stringContaining('has not ended. Wait for it') as string,
    });
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await builds()).toEqual(bothRun('v7'));
  });

  test('Ctrl-C rolls back what the deployment has begun', async () => {
    const interrupted = start(await packages.make('v9'));
    await interrupted.printed(/\] deploy_management: /);
    interrupted.child.kill('SIGINT');
    const { code, output } = await deployed(interrupted);
    expect(code).toBe(1);
    expect(output).toMatch(/FAILED after \S+ s: interrupted\n/);
    expect(await record()).toMatchObject({ outcome: 'rolled_back', unproven: [] });
    expect(await builds()).toEqual(bothRun('v7'));
  });
});
