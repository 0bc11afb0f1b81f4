import { join } from 'node:path';
import { localOrigin, type PortName, type Ports } from './defaults.ts';
import type { ProcessSpec } from './localProcess.ts';
import { redisProcess, redisUrl, type StateChoice } from './redis.ts';
import { appSettings, storageConnection } from './settings.ts';

export const root = join(import.meta.dirname, '../..');

/**
 * Keep the memory of an app small: the garbage of a call is collected early. On Azure the setting
 * `languageWorkers__node__arguments` has the same options.
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
  /** More settings of both apps. */
  readonly settings: Readonly<Record<string, string>>;
  readonly settingsOf: Readonly<Partial<Record<(typeof appNames)[number], Readonly<Record<string, string>>>>>;
}

/** The processes that the apps need. They can all start at the same time. */
export function groundProcesses({ ports, dataDir, state, settings }: Place): readonly ProcessSpec[] {
  const { MREG_PUBLIC_ORIGIN: mcp = '', MREG_MANAGEMENT_ORIGIN: management = '' } = {
    ...appSettings('mcp', ports),
    ...settings,
  };
  const origins = ['--mcp', mcp, '--management', management];
  return [
    azurite(ports, dataDir),
    ours('serviceBus', 'infra/local/serviceBus.ts', ports, ['--data', join(dataDir, 'serviceBus')]),
    ours('issuer', 'infra/local/issuer/main.ts', ports, [
      ...['--key-file', join(dataDir, 'issuerKey.json')],
      ...origins,
    ]),
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
    ...ours(
      name,
      'infra/local/functionsHost.ts',
      ports,
      ['--root', appRoot, '--data', dataDir],
      appNodeOptions,
    ),
    env: environment({
      ...appSettings(name, ports),
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
    // Imported here, because the SDK takes longer to load than everything else in this file.
    ready: async (signal) => {
      const { createTables } = await import('./tables.ts');
      await createTables(storageConnection(ports), signal);
    },
  };
}

/** Returns the developer's environment without settings of the apps (`MREG_…`), which this file makes. */
function environment(settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('MREG_'),
  );
  return {
    // Halves the time of each start after the first.
    NODE_COMPILE_CACHE: join(root, '.local/compileCache'),
    ...Object.fromEntries(inherited),
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    ...settings,
  };
}
