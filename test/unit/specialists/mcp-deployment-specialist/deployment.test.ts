import { describe, expect, test } from 'vitest';
import type { Config } from '../../../../shared/platform/config/config.ts';
import { queues, tableNames } from '../../../../shared/platform/config/topology.ts';
import type { Finding } from '../../../../shared/specialists/finding.ts';
import {
  deploymentSteps,
  type Seen,
} from '../../../../shared/specialists/mcp-deployment-specialist/deploymentSteps.ts';
import { driftFindings } from '../../../../shared/specialists/mcp-deployment-specialist/drift.ts';
import {
  environments,
  readinessFindings,
} from '../../../../shared/specialists/mcp-deployment-specialist/readiness.ts';
import { silenceFindings } from '../../../../shared/specialists/mcp-deployment-specialist/runningApps.ts';
import {
  compareTables,
  topologyFindings,
} from '../../../../shared/specialists/mcp-deployment-specialist/topology.ts';
import { instance, runningApps } from '../../../support/instances.ts';

const rules = (findings: Iterable<Finding>) => [...findings].map(({ rule }) => rule);
const allThere = new Map(queues.map(({ name }) => [name, 'present' as const]));

describe('drift', () => {
  test('is not found among equal instances', () => {
    expect(driftFindings(runningApps([instance('management'), instance('management', { id: '2' })]))).toEqual(
      [],
    );
  });

  test.each([
    [['two_builds_in_one_app'], [instance('mcp'), instance('mcp', { build: 'old' })]],
    [
      ['two_builds_in_one_app', 'apps_run_different_builds'],
      [instance('mcp', { build: 'new' }), instance('mcp')],
    ],
    [['apps_run_different_builds'], [instance('mcp', { build: 'new', version: '2.0.0' })]],
    [['settings_drift'], [instance('mcp'), instance('mcp', { settings: { MREG_TENANTS: 'other' } })]],
    [['different_node_versions'], [instance('mcp', { node: '22.12.0' })]],
    [['apps_run_different_builds', 'unknown_build'], [instance('mcp', { build: 'unbuilt' })]],
  ])('is found: %j', (expected, mcp) => {
    expect(rules(driftFindings(runningApps(undefined, mcp)))).toEqual(expected);
  });

  test('of settings names the setting', () => {
    const mcp = [instance('mcp'), instance('mcp', { settings: { MREG_APP: 'mcp', MREG_TENANTS: 'other' } })];
    expect(driftFindings(runningApps(undefined, mcp))[0]?.evidence['settings']).toEqual(['MREG_TENANTS']);
  });
});

describe('an app', () => {
  const known = { current: [instance('mcp')], lastSeenAt: undefined };
  const none = { current: [], lastSeenAt: '2026-01-01T00:00:00.000Z' };
  test.each([
    [true, known, []],
    [true, none, ['app_does_not_say_what_it_is']],
    [false, known, ['app_not_reachable']],
    [false, none, ['app_not_running']],
  ])('that answers: %s, with its registered instances, is %j', (answers, said, expected) => {
    expect(rules(silenceFindings('mcp', answers, 'connection refused', said))).toEqual(expected);
  });
});

describe('the topology list', () => {
  test('has no finding if all tables and queues exist, in any case of their names', () => {
    const tables = compareTables(tableNames.map((name) => name.toUpperCase()));
    expect(topologyFindings({ tables, queues: allThere }, new Set())).toEqual([]);
  });

  test('names missing tables and queues, the receiver of each queue, and extra tables', () => {
    const tables = compareTables([...tableNames.slice(1), 'mine']);
    const asked = new Map([
      ...allThere,
      ['mcp-debugger', 'missing' as const],
      ['fastmcp-specialist', 'forbidden' as const],
      ['agent-reports', 'unreachable' as const],
    ]);
    const found = topologyFindings({ tables, queues: asked }, new Set(['mcp-debugger']));
    expect(found.map(({ rule, severity, evidence }) => [rule, severity, evidence])).toEqual([
      ['table_missing', 'critical', { table: tableNames[0] }],
      ['table_extra', 'info', { tables: ['mine'] }],
      [
        'queue_missing',
        'critical',
        { queue: 'mcp-debugger', state: 'missing', receiver: 'a worker elsewhere' },
      ],
      [
        'queue_forbidden',
        'info',
        { queue: 'fastmcp-specialist', state: 'forbidden', receiver: 'the mcp app' },
      ],
      [
        'queue_unreachable',
        'critical',
        { queue: 'agent-reports', state: 'unreachable', receiver: 'the management app' },
      ],
    ]);
  });
});

const config = {
  tables: 'https://a.table.core.windows.net',
  serviceBus: { fullyQualifiedNamespace: 'b.servicebus.windows.net' },
  tenants: new Set(['t1', 't2']),
} as unknown as Config;

describe('production', () => {
  test('is ready on Azure with identities, Redis and more than one tenant', () => {
    expect(readinessFindings('production', runningApps(), config, 'redis')).toEqual([]);
  });

  const development = (setting: string) =>
    runningApps(undefined, [instance('mcp', { developmentOnly: [{ setting, problem: 'not here' }] })]);
  test.each<[string, string, () => readonly Finding[]]>([
    ['development_only_setting', 'critical', () => ready(development('MREG_LOCAL_ISSUER'))],
    ['http_origin', 'critical', () => ready(development('MREG_PUBLIC_ORIGIN'))],
    ['state_on_tables', 'warning', () => readinessFindings('staging', runningApps(), config, 'tables')],
    ['single_tenant', 'info', () => ready(runningApps(), { tenants: new Set(['t1']) })],
    ['not_on_azure', 'info', () => ready(runningApps(undefined, [instance('mcp', { host: 'core_tools' })]))],
    ['key_instead_of_identity', 'warning', () => ready(runningApps(), { clientSecret: 's' })],
    [
      'key_instead_of_identity',
      'warning',
      () => ready(runningApps(), { redisUrl: 'rediss://user:key@redis.example:10000' }),
    ],
    [
      'key_instead_of_identity',
      'warning',
      () => ready(runningApps(), { serviceBus: { connectionString: 'Endpoint=sb://b' } }),
    ],
  ])('is not without %s, which is %s', (rule, severity, find) => {
    expect(find().map((found) => [found.rule, found.severity])).toEqual([[rule, severity]]);
  });
  const ready = (running = runningApps(), more: Partial<Config> = {}) =>
    readinessFindings('production', running, { ...config, ...more }, 'redis');

  test('has no rules for a local start', () => {
    expect(readinessFindings('local', development('MREG_LOCAL_ISSUER'), config, 'tables')).toEqual([]);
  });
});

describe('the plan of a deployment', () => {
  const seen = (more: Partial<Seen> = {}): Seen => ({
    environment: 'production',
    running: runningApps(),
    deployed: { tables: { missing: [], extra: [] }, queues: allThere },
    findings: [],
    ...more,
  });
  const ids = (more: Partial<Seen> = {}) => deploymentSteps(seen(more)).map(({ id }) => id);

  test.each(environments)(
    'of %s has gates around it, and each step says why, how to verify and how to undo',
    (environment) => {
      const steps = deploymentSteps(seen({ environment }));
      expect(steps.map(({ order }) => order)).toEqual(steps.map((_, index) => index + 1));
      expect(steps[0]?.id).toBe('pre_deployment');
      expect(ids({ environment })).toContain('post_deployment');
      for (const step of steps)
        for (const text of [step.title, step.reason, step.verify, step.undo, ...step.run])
          expect(text).not.toBe('');
    },
  );

  test('deploys the mcp app before the management app, and says what each runs now', () => {
    const steps = deploymentSteps(seen({ running: runningApps(undefined, []) }));
    const [mcp, management] = steps.filter(({ id }) => id.startsWith('deploy_'));
    expect([mcp?.id, management?.id]).toEqual(['deploy_mcp', 'deploy_management']);
    expect(mcp?.reason).toContain('None is running now');
    expect(management?.reason).toContain('build aaaa');
  });

  test('creates only what is missing, before the gate', () => {
    const missing = new Map([...allThere, ['mcp-debugger', 'missing' as const]]);
    const steps = deploymentSteps(
      seen({ deployed: { tables: { missing: ['audit'], extra: [] }, queues: missing } }),
    );
    expect(steps.slice(0, 3).map(({ id }) => id)).toEqual(['tables', 'queues', 'pre_deployment']);
    expect(steps[0]?.run).toEqual([
      'az storage table create --name audit --account-name <account> --auth-mode login',
    ]);
    expect(steps[1]?.run).toEqual([
      expect.stringMatching(/--name mcp-debugger --lock-duration PT30S .*duplicate-detection true/),
    ]);
  });

  test('creates every table if storage did not list its tables', () => {
    const [tables] = deploymentSteps(seen({ deployed: { tables: undefined, queues: undefined } }));
    expect(tables?.run).toHaveLength(tableNames.length);
  });

  test('starts with the settings that are not ready, by name', () => {
    const findings = readinessFindings(
      'production',
      runningApps(undefined, [
        instance('mcp', { developmentOnly: [{ setting: 'MREG_REDIS_URL', problem: 'no' }] }),
      ]),
      config,
      'redis',
    );
    const [first] = deploymentSteps(seen({ findings }));
    expect(first).toMatchObject({ id: 'settings', title: 'Correct MREG_REDIS_URL' });
    expect(first?.run).toEqual([
      'Set MREG_REDIS_URL to a rediss:// URL without a key, used with the identity of the app.',
    ]);
  });
});
