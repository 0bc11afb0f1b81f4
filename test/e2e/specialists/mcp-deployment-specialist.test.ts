import { TableServiceClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redisUrl } from '../../../infra/local/redis.ts';
import { storageConnection } from '../../../infra/local/settings.ts';
import { createTables } from '../../../infra/local/tables.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { type OpenedStateStore, openStateStore } from '../../../shared/platform/state/openStateStore.ts';
import { openTables } from '../../../shared/platform/tables/openTables.ts';
import {
  readInstances,
  removeInstance,
  writeInstance,
} from '../../../shared/platform/telemetry/instances.ts';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
interface Report {
  readonly summary: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
  readonly steps: readonly {
    readonly id: string;
    readonly run: readonly string[];
    readonly reason: string;
  }[];
  readonly ready: boolean;
}

let topology: TestTopology;
let operator: Api;
let opened: OpenedStateStore;
beforeAll(async () => {
  topology = await startTestTopology();
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  const open = openTables(storageConnection(topology.ports));
  const url = topology.state.kind === 'redis' ? redisUrl(topology.ports) : undefined;
  opened = openStateStore({ redisUrl: url, open, clock: systemClock });
});
afterAll(async () => {
  opened.close();
  await topology.stop();
});

async function run(task: string, input: object = {}): Promise<Report> {
  const asked = { agent: 'mcp-deployment-specialist', task, input };
  const begun = await operator.post('/delegations?wait=30', asked);
  const { body } = await operator.get(begun.headers.get('location') ?? '');
  expect(body).toMatchObject({ state: 'succeeded' });
  return body['result'] as Report;
}
const rules = ({ findings }: Report) => findings.map(({ rule }) => rule);
const serious = ({ findings }: Report) => findings.filter(({ severity }) => severity !== 'info');

describe('on a healthy topology', () => {
  test.each([
    'environment_configuration',
    'docker_orchestration',
    'azure_container_deployment',
    'production_deployment',
    'generate_deployment_report',
    'azure_app_registration_validation',
  ])('%s finds nothing amiss', async (task) => {
    const report = await run(task);
    expect(serious(report)).toEqual([]);
    // Nothing of what the settings hold.
    expect(JSON.stringify(report)).not.toMatch(/AccountKey|SharedAccessKey|devstoreaccount1|redis:\/\//);
  });

  test('both apps say what they run, and it is the same', async () => {
    const { facts } = await run('azure_container_deployment');
    const apps = facts['apps'] as { app: string; instances: { build: string; host: string }[] }[];
    expect(apps.map(({ app, instances }) => [app, instances.length])).toEqual([
      ['management', 1],
      ['mcp', 1],
    ]);
    const builds = new Set(apps.map(({ instances: [first] }) => first?.build));
    expect([...builds]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(apps[0]?.instances[0]).toMatchObject({ host: 'local', version: '0.1.0' });
  });

  test('the plan of a deployment begins with the gate and puts the mcp app before the management app', async () => {
    const { steps } = await run('production_deployment', { environment: 'staging' });
    const ids = steps.map(({ id }) => id);
    expect(ids).toEqual([
      'settings',
      'pre_deployment',
      'build',
      'deploy_mcp',
      'deploy_management',
      'same_build',
      'post_deployment',
    ]);
  });

  test('what only a developer may have keeps it from production', async () => {
    const report = await run('production_deployment', { environment: 'production' });
    expect(report.ready).toBe(false);
    const named = report.findings.map(({ rule, evidence }) => `${rule} ${String(evidence['setting'])}`);
    expect(named).toEqual(
      expect.arrayContaining([
        'development_only_setting MREG_LOCAL_ISSUER',
        'development_only_setting MREG_PRIVATE_UPSTREAMS',
        'http_origin MREG_PUBLIC_ORIGIN',
        'http_origin MREG_MANAGEMENT_ORIGIN',
      ]),
    );
    expect(report.steps.at(-1)?.id).toBe('security_validation');
  });
});

test('a table that is missing is named, and the plan creates it', async () => {
  const storage = storageConnection(topology.ports);
  const tables = TableServiceClient.fromConnectionString(storage, { allowInsecureConnection: true });
  await tables.deleteTable('registryLinks');
  await tables.createTable('leftover');
  const report = await run('docker_orchestration');
  expect(report.findings).toEqual([
    expect.objectContaining({
      rule: 'table_missing',
      severity: 'critical',
      evidence: { table: 'registryLinks' },
    }),
    expect.objectContaining({ rule: 'table_extra', severity: 'info', evidence: { tables: ['leftover'] } }),
  ]);
  const { steps } = await run('production_deployment', { environment: 'production' });
  expect(steps.find(({ id }) => id === 'tables')?.run).toEqual([
    expect.stringContaining('--name registryLinks '),
  ]);
  await createTables(storage, AbortSignal.timeout(10_000));
  await tables.deleteTable('leftover');
});

test('two builds at once are a finding that names both', async () => {
  const { current } = await readInstances(opened.state, 'mcp', systemClock);
  const [{ id: _, ...known }] = current as [(typeof current)[number]];
  const later = new Date(Date.parse(known.startedAt) + 1_000).toISOString();
  await writeInstance(opened.state, 'another', { ...known, build: 'ffffffffffffffff', startedAt: later });
  const report = await run('azure_container_deployment');
  expect(rules(report)).toEqual(['two_builds_in_one_app', 'apps_run_different_builds']);
  expect(JSON.stringify(report.findings)).toContain('ffffffffffffffff');
  expect(JSON.stringify(report.findings)).toContain(known.build);
  await removeInstance(opened.state, 'another', 'mcp');
});

describe('an event', () => {
  const handled = async (detail: object) => {
    const raised = await operator.post('/events', { type: 'deployment_status', detail });
    const { delegations } = raised.body as { delegations: { agent: string; href: string }[] };
    const results = new Map<string, Report & { readonly subject: string }>();
    for (const { agent, href } of delegations) {
      const { body } = await operator.get(`${href}?wait=30`);
      expect(body).toMatchObject({ state: 'succeeded' });
      results.set(agent, body['result'] as Report & { subject: string });
    }
    return results;
  };

  test('of an app that started with another build is looked at by both agents, and stuck work is moved on', async () => {
    const results = await handled({ app: 'mcp', build: 'ffffffffffffffff', before: 'eeeeeeeeeeeeeeee' });
    expect(results.get('mcp-deployment-specialist')).toMatchObject({ subject: 'apps/mcp' });
    expect(rules(results.get('mcp-deployment-specialist') as Report)).toContain('two_builds_in_one_app');
    expect(results.get('mcp-orchestrator')?.facts).toMatchObject({ movedOnStuckWork: true });
  });

  test('of a run that there is not says so, and one of nothing is no failure', async () => {
    const results = await handled({ run: '../other', gate: 'pre_deployment' });
    for (const result of results.values()) expect(rules(result)).toEqual(['plan_not_found']);
    for (const { findings } of (await handled({ run: 7 })).values()) expect(findings).toEqual([]);
  });

  test('is recorded in the audit trail by each agent', async () => {
    const auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
    const recorded = async (query: string) => {
      const { body } = await auditor.get(`/audit?${query}`);
      return (body['items'] as { actor: string; resource: string }[]).map(
        ({ actor, resource }) => `${actor} ${resource}`,
      );
    };
    await expect
      .poll(() => recorded('action=events.deployment_status'), { timeout: 10_000 })
      .toEqual(expect.arrayContaining(['mcp-deployment-specialist apps/mcp', 'mcp-orchestrator apps/mcp']));
    await expect
      .poll(() => recorded('action=delegations.sweep'), { timeout: 10_000 })
      .toContain('mcp-orchestrator delegations');
  });
});

/** What an agent found when it was told that an app was this build before; undefined while it has not been. */
async function foundOf(agent: string, before: string): Promise<Report | undefined> {
  const { body } = await operator.get(`/delegations?agent=${agent}`);
  const told = (body['items'] as { id: string; task: string }[]).filter(
    ({ task }) => task === 'handle_deployment_status',
  );
  const answers = await Promise.all(told.map(({ id }) => operator.get(`/delegations/${id}`)));
  return answers
    .map((answer) => answer.body['result'] as Report | undefined)
    .find((result) => result?.facts['before'] === before);
}

test('an app that starts with another build than before is told to both agents, which look at it', async () => {
  const before = { version: '0.0.9', build: 'eeeeeeeeeeeeeee0', since: new Date().toISOString() };
  await opened.state.set('mreg:build:mcp', JSON.stringify(before), 600_000);
  await topology.restart('mcp');
  for (const agent of ['mcp-orchestrator', 'mcp-deployment-specialist'])
    await expect
      .poll(() => foundOf(agent, before.build), { timeout: 20_000 })
      .toMatchObject({
        subject: 'apps/mcp',
        facts: { running: [expect.stringMatching(/^[0-9a-f]{16}$/)] },
        findings: [],
      });
});

test('an authority that is away fails the validation of the app registration', async () => {
  await topology.kill('issuer');
  const report = await run('azure_app_registration_validation');
  expect(report).toMatchObject({ passed: false });
  expect(rules(report)).toContain('tenant_not_discovered');
  await topology.restart('issuer');
});

test('an app that is down is named, with the agents that nobody is home for', async () => {
  await topology.kill('mcp');
  // As if it had been silent for minutes.
  for (const { id } of (await readInstances(opened.state, 'mcp', systemClock)).current)
    await removeInstance(opened.state, id, 'mcp');
  const report = await run('docker_orchestration');
  expect(rules(report)).toEqual(['app_not_running']);
  expect(report.facts['agents']).toMatchObject({
    'mcp-security-auditor': { home: 'mcp', alive: false },
    'mcp-debugger': { home: 'management', alive: true },
  });
});
