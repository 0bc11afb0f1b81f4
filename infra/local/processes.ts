import { join } from 'node:path';
import { localOrigin, type PortName, type Ports } from './defaults.ts';
import type { ProcessSpec } from './localProcess.ts';
import { appSettings, storageConnection } from './settings.ts';

const root = join(import.meta.dirname, '../..');

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
}

/** What everything else stands on; they may all start at once. */
export function groundProcesses({ ports, dataDir }: Place): readonly ProcessSpec[] {
  return [
    azurite({ ports, dataDir }),
    ours('serviceBus', 'infra/local/serviceBus/main.ts', ports),
    ours('issuer', 'infra/local/issuer/main.ts', ports, ['--key-file', join(dataDir, 'issuerKey.json')]),
  ];
}

export function appProcesses({ ports, dataDir }: Place): readonly ProcessSpec[] {
  return appNames.map((name) => ({
    ...ours(name, 'infra/local/host/main.ts', ports, ['--root', root]),
    env: environment(appSettings(name, ports, dataDir)),
  }));
}

export function demoProcesses({ ports }: Place): readonly ProcessSpec[] {
  return demoServers.map(({ slug, script }) => ours(slug, script, ports));
}

function ours(name: PortName, script: string, ports: Ports, args: readonly string[] = []): ProcessSpec {
  return { name, script, args: ['--port', String(ports[name]), ...args], env: environment() };
}

function azurite({ ports, dataDir }: Place): ProcessSpec {
  const portOptions = ['blob', 'queue', 'table'] as const;
  return {
    name: 'azurite',
    script: 'node_modules/azurite/dist/src/azurite.js',
    nodeArgs: ['--import', new URL('azuriteGuard.ts', import.meta.url).href],
    args: [
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
  return { ...Object.fromEntries(inherited), AZURE_FUNCTIONS_ENVIRONMENT: 'Development', ...settings };
}
