import { join } from 'node:path';
import { localOrigin, type PortName, type Ports } from './defaults.ts';
import type { ProcessSpec } from './localProcess.ts';
import { redisProcess, redisUrl, type StateChoice } from './redis.ts';
import { appSettings, storageConnection } from './settings.ts';

export const root = join(import.meta.dirname, '../..');

/**
 * Keeps the process of an app small: what a call leaves behind is collected early instead of being held until there is a
 * lot of it. On Azure the setting `languageWorkers__node__arguments` says the same.
 */
const appNodeOptions = ['--max-semi-space-size=8', '--heap-growing-percent=25'] as const;

export const appNames = ['management', 'mcp'] as const;
/** The sample upstream servers, by the slug they are registered under. */
export const demoServers = [
  {
    slug: 'inventory',
    title: 'Inventory',
    description: 'A sample server that speaks the 2025-11-25 protocol.',
    script: 'infra/local/demo/legacyServer.ts',
  },
  {
    slug: 'toolbox',
    title: 'Toolbox',
    description: 'A sample server that speaks the 2026-07-28 protocol.',
    script: 'infra/local/demo/modernServer.ts',
  },
] as const;

export const demoUrl = (slug: (typeof demoServers)[number]['slug'], ports: Ports): string =>
  `${localOrigin(ports[slug])}/mcp`;

export interface Place {
  readonly ports: Ports;
  readonly dataDir: string;
  /** Folder of the apps as they are deployed: `host.json`, `package.json`, `dist/`. */
  readonly appRoot: string;
  readonly state: StateChoice;
  /** Of the apps, beside those that this machine gives them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly settingsOf: Readonly<Partial<Record<(typeof appNames)[number], Readonly<Record<string, string>>>>>;
}

/** What everything else stands on; they may all start at once. */
export function groundProcesses({ ports, dataDir, state }: Place): readonly ProcessSpec[] {
  return [
    azurite(ports, dataDir),
    ours('serviceBus', 'infra/service-bus/src/main.ts', ports),
    ours('issuer', 'infra/local/issuer/main.ts', ports, ['--key-file', join(dataDir, 'issuerKey.json')]),
    ...(state.kind === 'redis'
      ? [{ ...redisProcess(state.program, ports, dataDir), env: environment() }]
      : []),
  ];
}

export function appProcesses({
  ports,
  dataDir,
  appRoot,
  state,
  settings,
  settingsOf,
}: Place): readonly ProcessSpec[] {
  const stateSettings = state.kind === 'redis' ? { MREG_REDIS_URL: redisUrl(ports) } : {};
  return appNames.map((name) => ({
    ...ours(name, 'infra/functions-host/src/main.ts', ports, ['--root', appRoot], appNodeOptions),
    env: environment({
      ...appSettings(name, ports, dataDir),
      ...stateSettings,
      ...settings,
      ...settingsOf[name],
    }),
  }));
}

export function demoProcesses({ ports }: Place): readonly ProcessSpec[] {
  return demoServers.map(({ slug, script }) => ours(slug, script, ports));
}

function ours(
  name: PortName,
  script: string,
  ports: Ports,
  args: readonly string[] = [],
  nodeOptions: readonly string[] = [],
): ProcessSpec {
  const program = [process.execPath, ...nodeOptions, join(root, script)] as const;
  const command = [...program, '--port', String(ports[name]), ...args] as const;
  return { name, command, env: environment() };
}

function azurite(ports: Ports, dataDir: string): ProcessSpec {
  const portOptions = ['blob', 'queue', 'table'] as const;
  return {
    name: 'azurite',
    command: [
      ...([process.execPath, '--import', new URL('azuriteGuard.ts', import.meta.url).href] as const),
      join(root, 'node_modules/azurite/dist/src/azurite.js'),
      ...['--silent', '--skipApiVersionCheck', '--disableTelemetry', '--location', join(dataDir, 'azurite')],
      ...portOptions.flatMap((service) => [`--${service}Port`, String(ports[service])]),
    ],
    env: environment(),
    // Imported when needed: the SDK takes longer to load than all else here together.
    ready: async (signal) => {
      const { createTables } = await import('./tables.ts');
      await createTables(storageConnection(ports), signal);
    },
  };
}

/** The developer's own environment, save for settings of the apps: those are for this file to make. */
function environment(settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('MREG_'),
  );
  return {
    // From the second time on, a process starts in half the time.
    NODE_COMPILE_CACHE: join(root, '.local/compileCache'),
    ...Object.fromEntries(inherited),
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    ...settings,
  };
}
