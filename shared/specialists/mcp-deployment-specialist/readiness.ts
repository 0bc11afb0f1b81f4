import type { OpenedStateStore } from '../../platform/state/openStateStore.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Finding } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

export const environments = ['local', 'staging', 'production'] as const;
export type Environment = (typeof environments)[number];

/** What stands in the way of an environment that people rely on. A local one may be as it likes. */
export function readinessFindings(
  environment: Environment,
  running: readonly RunningApp[],
  config: Config,
  stateKind: OpenedStateStore['kind'],
): readonly Finding[] {
  if (environment === 'local') return [];
  return [
    ...developmentSettings(running),
    ...keysForIdentities(config, running),
    ...(stateKind === 'tables' ? [stateOnTables(environment)] : []),
    ...(config.tenants.size === 1 ? [singleTenant] : []),
    ...notOnAzure(environment, running),
  ];
}

/** The apps refuse to start with them wherever the environment is not a developer's. */
function developmentSettings(running: readonly RunningApp[]): readonly Finding[] {
  const apps = new Map<string, { problem: string; apps: string[] }>();
  for (const { app, instances } of running)
    for (const { setting, problem } of instances[0]?.developmentOnly ?? []) {
      const known = apps.get(setting) ?? { problem, apps: [] };
      apps.set(setting, { problem, apps: [...known.apps, app] });
    }
  return [...apps].map(([setting, { problem, apps: where }]) => ({
    rule: setting.endsWith('_ORIGIN') ? 'http_origin' : 'development_only_setting',
    severity: 'critical',
    message: `${setting} cannot stay as it is: ${problem}`,
    evidence: { setting, apps: where },
    remedy: remedies[setting] ?? `Remove ${setting} from the settings of both apps.`,
  }));
}

const remedies: Readonly<Record<string, string>> = {
  MREG_TABLES:
    'Set MREG_TABLES to the https endpoint of the table service, used with the identity of the app.',
  MREG_SERVICE_BUS: 'Remove MREG_SERVICE_BUS, and set MREG_SERVICE_BUS__fullyQualifiedNamespace.',
  MREG_CLIENT_SECRET:
    'Make the managed identity of the apps a federated credential of the app registration, and remove MREG_CLIENT_SECRET.',
  MREG_REDIS_URL: 'Set MREG_REDIS_URL to a rediss:// URL.',
  MREG_PUBLIC_ORIGIN: 'Set MREG_PUBLIC_ORIGIN to the https origin where clients reach the mcp app.',
  MREG_MANAGEMENT_ORIGIN: 'Set MREG_MANAGEMENT_ORIGIN to the https origin of the management app.',
};

/** Those of the local stand-ins are told of already. */
function keysForIdentities(config: Config, running: readonly RunningApp[]): readonly Finding[] {
  const told = new Set(
    running.flatMap(({ instances: [first] }) => (first?.developmentOnly ?? []).map(({ setting }) => setting)),
  );
  const withKeys = [
    ...(config.tables.startsWith('https://') ? [] : ['MREG_TABLES']),
    ...('connectionString' in config.serviceBus ? ['MREG_SERVICE_BUS'] : []),
    ...(config.clientSecret === undefined ? [] : ['MREG_CLIENT_SECRET']),
  ].filter((setting) => !told.has(setting));
  return withKeys.map((setting) => ({
    rule: 'key_instead_of_identity',
    severity: 'warning',
    message: `${setting} holds a key, which has to be kept from others and renewed, where the app's identity would do`,
    evidence: { setting },
    remedy: remedies[setting] ?? '',
  }));
}

const stateOnTables = (environment: Environment): Finding => ({
  rule: 'state_on_tables',
  severity: 'warning',
  message:
    'sessions, limits and caches are kept in tables, where each look takes several times as long as in Redis',
  evidence: { stateStore: 'tables', environment },
  remedy: 'Set MREG_REDIS_URL in both apps to a Redis that does not evict, unless there are few users.',
});

const singleTenant: Finding = {
  rule: 'single_tenant',
  severity: 'info',
  message: 'one tenant may sign in',
  evidence: { tenants: 1 },
  remedy:
    'Add others to MREG_TENANTS if they are to use the gateway; their administrators have to consent to it.',
};

function notOnAzure(environment: Environment, running: readonly RunningApp[]): readonly Finding[] {
  const elsewhere = running.filter(({ instances: [first] }) => first && first.host !== 'azure');
  if (elsewhere.length === 0) return [];
  return [
    {
      rule: 'not_on_azure',
      severity: 'info',
      message: `what was looked at does not run on Azure: the settings of ${environment} may be others`,
      evidence: { hosts: elsewhere.map(({ app, instances: [first] }) => ({ app, host: first?.host })) },
      remedy: `Ask again from the management app of ${environment} once it runs.`,
    },
  ];
}
