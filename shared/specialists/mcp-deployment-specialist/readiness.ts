import type { Config } from '../../platform/config/config.ts';
import { redisPassword } from '../../platform/config/connections.ts';
import type { OpenedStateStore } from '../../platform/state/openStateStore.ts';
import { defineFindings, type Finding } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

export const environments = ['local', 'staging', 'production'] as const;
export type Environment = (typeof environments)[number];

interface DevelopmentSetting {
  readonly setting: string;
  readonly problem: string;
  readonly apps: readonly string[];
}
const unfit = ({ setting, problem, apps }: DevelopmentSetting) => ({
  severity: 'critical' as const,
  message: `${setting} has to change: ${problem}`,
  evidence: { setting, apps },
  remedy: remedies[setting] ?? `Remove ${setting} from the settings of both apps.`,
});

const finding = defineFindings({
  http_origin: unfit,
  development_only_setting: unfit,
  key_instead_of_identity: ({ setting }: { setting: string }) => ({
    severity: 'warning',
    message: `${setting} holds a key, which must be kept secret and renewed; the app's managed identity can replace it`,
    remedy: remedies[setting] ?? '',
  }),
  state_on_tables: {
    severity: 'warning',
    message:
      'sessions, limits and caches are stored in tables, where each read takes several times as long as in Redis',
    remedy: 'Set MREG_REDIS_URL in both apps to a Redis that does not evict, unless there are few users.',
  },
  single_tenant: {
    severity: 'info',
    message: 'one tenant may sign in',
    remedy:
      'Add other tenants to MREG_TENANTS if they are to use the gateway; their administrators have to consent to it.',
  },
  not_on_azure: ({ environment, hosts }: { environment: Environment; hosts: readonly object[] }) => ({
    severity: 'info',
    message: `the apps that were inspected do not run on Azure: the settings of ${environment} may differ`,
    evidence: { hosts },
    remedy: `Run the task again in the management app of ${environment} once it runs.`,
  }),
});

const remedies: Readonly<Record<string, string>> = {
  MREG_TABLES:
    'Set MREG_TABLES to the https endpoint of the table service, used with the identity of the app.',
  MREG_SERVICE_BUS: 'Remove MREG_SERVICE_BUS, and set MREG_SERVICE_BUS__fullyQualifiedNamespace.',
  MREG_CLIENT_SECRET:
    'Make the managed identity of the apps a federated credential of the app registration, and remove MREG_CLIENT_SECRET.',
  MREG_REDIS_URL: 'Set MREG_REDIS_URL to a rediss:// URL without a key, used with the identity of the app.',
  MREG_PUBLIC_ORIGIN: 'Set MREG_PUBLIC_ORIGIN to the https origin where clients reach the mcp app.',
  MREG_MANAGEMENT_ORIGIN: 'Set MREG_MANAGEMENT_ORIGIN to the https origin of the management app.',
};

/** Says what has to change before people rely on an environment. A local environment needs nothing. */
export function readinessFindings(
  environment: Environment,
  running: readonly RunningApp[],
  config: Config,
  stateKind: OpenedStateStore['kind'],
): readonly Finding[] {
  if (environment === 'local') return [];
  const development = developmentSettings(running);
  const hosts = running.flatMap(({ app, instances: [first] }) =>
    first && first.host !== 'azure' ? [{ app, host: first.host }] : [],
  );
  return [
    ...development.map((facts) =>
      finding(facts.setting.endsWith('_ORIGIN') ? 'http_origin' : 'development_only_setting', facts),
    ),
    ...settingsWithKeys(config)
      .filter((name) => !development.some(({ setting }) => setting === name))
      .map((setting) => finding('key_instead_of_identity', { setting })),
    ...(stateKind === 'tables' ? [finding('state_on_tables', { stateStore: 'tables', environment })] : []),
    ...(config.tenants.size === 1 ? [finding('single_tenant', { tenants: 1 })] : []),
    ...(hosts.length > 0 ? [finding('not_on_azure', { environment, hosts })] : []),
  ];
}

/** Settings with which an app refuses to start outside of a developer's machine, and the apps that have them. */
function developmentSettings(running: readonly RunningApp[]): readonly DevelopmentSetting[] {
  const found = running.flatMap(({ app, instances: [first] }) =>
    (first?.developmentOnly ?? []).map(({ setting, problem }) => ({ app, setting, problem })),
  );
  return [...Map.groupBy(found, ({ setting }) => setting)].map(([setting, of]) => ({
    setting,
    problem: of[0]?.problem ?? '',
    apps: of.map(({ app }) => app),
  }));
}

const settingsWithKeys = (config: Config): readonly string[] => [
  ...(config.tables.startsWith('https://') ? [] : ['MREG_TABLES']),
  ...('connectionString' in config.serviceBus ? ['MREG_SERVICE_BUS'] : []),
  ...(config.redisUrl === undefined || !redisPassword(config.redisUrl).some(Boolean)
    ? []
    : ['MREG_REDIS_URL']),
  ...(config.clientSecret === undefined ? [] : ['MREG_CLIENT_SECRET']),
];
