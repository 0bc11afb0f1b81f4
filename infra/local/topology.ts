import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProduction } from '../../shared/platform/config/environment.ts';
import { localOrigin, portsFor, type Ports } from './defaults.ts';
import type { MintRequest } from './issuer/claims.ts';
import { LocalError } from './localError.ts';
import { mintAt } from './mint.ts';
import { requireFreePorts } from './ports.ts';
import {
  appNames,
  appProcesses,
  demoProcesses,
  demoServers,
  demoUrl,
  groundProcesses,
  root,
  type Place,
} from './processes.ts';
import { processGroup, type LineListener, type ProcessGroup } from './processGroup.ts';
import { loadSealingKey } from './sealingKey.ts';
import { chooseState, type StateChoice } from './redis.ts';

export interface TopologyOptions {
  readonly portOffset: number;
  /** Everything that is kept: storage, the issuer's key, logs. One topology at a time may use it. */
  readonly dataDir: string;
  /** Also start the two sample MCP servers and register them. */
  readonly demo?: boolean;
  /** All that the apps stand on, but not the apps: for those who run these with `func start`. */
  readonly withoutApps?: boolean;
  /** Where the apps run from when that is not the checkout, and what builds them there. */
  readonly app?: { readonly root: string; build(): Promise<unknown> };
  /** Settings of the apps, beside those that this machine gives them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The same of one app, where the two are to differ. */
  readonly settingsOf?: Place['settingsOf'];
  /** False when `dist/` is known to be fresh. */
  readonly build?: false;
  /** Gives up a start midway: everything started so far is stopped, then the start rejects. */
  readonly signal?: AbortSignal;
  /** Every line that a process says. They are in `dataDir/logs` too. */
  readonly onLine?: LineListener;
}

/** The processes of the topology by name, as `kill` and `restart` take them. */
export type ProcessName =
  'azurite' | 'serviceBus' | 'issuer' | 'redis' | 'management' | 'mcp' | 'inventory' | 'toolbox';

/** Both apps on one machine, with all they stand on. */
export interface Topology {
  readonly ports: Ports;
  /** Origins of the apps and the issuer, and the MCP addresses of the sample servers. */
  readonly urls: Readonly<Record<'management' | 'mcp' | 'issuer' | 'inventory' | 'toolbox', string>>;
  readonly state: StateChoice;
  /** Resolves with the reason when a process that was ready ends unasked. The others go on until `stop`. */
  readonly died: Promise<LocalError>;
  /** An access token from the issuer. */
  mint(request: MintRequest): Promise<string>;
  /** Ends one process at once, as a crash would. */
  kill(name: ProcessName): Promise<void>;
  /** Rejects when it does not become ready again; the others go on, and it may be restarted once more. */
  restart(name: ProcessName): Promise<void>;
  /** Stops the apps, and when they have drained, the rest. */
  stop(): Promise<void>;
}

/** Apps that are started elsewhere have their own settings, and those of the example name no Redis. */
const stateOfOthers: StateChoice = { kind: 'tables', reason: 'the apps are started elsewhere' };

/**
 * Starts the topology; resolves when all of it is ready. Nothing is left running when it rejects.
 * @throws LocalError with one line for the user: a taken port, a process that ends, a failed build.
 */
export async function startTopology(options: TopologyOptions): Promise<Topology> {
  if (isProduction({ AZURE_FUNCTIONS_ENVIRONMENT: 'Development', ...process.env })) {
    throw new LocalError(
      'This environment says that it is production (NODE_ENV or a variable of Azure is set): ' +
        'the local topology does not start here.',
    );
  }
  const ports = portsFor(options.portOffset);
  await requireFreePorts(neededPorts(ports, options), options.portOffset);
  const state = options.withoutApps ? stateOfOthers : await chooseState(ports);
  const { dataDir, settings = {}, settingsOf = {} } = options;
  const logDir = await emptyLogDir(dataDir);
  const sealingKey = await loadSealingKey(join(dataDir, 'sealingKey'));
  const place = {
    ports,
    dataDir,
    appRoot: options.app?.root ?? root,
    state,
    settings: { MREG_SEALING_KEYS: sealingKey, ...settings },
    settingsOf,
  };
  const group = processGroup(logDir, options.onLine ?? (() => undefined));
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= group.stop(appNames).then(() => group.stop()));
  try {
    options.signal?.throwIfAborted();
    await Promise.race([startAll(group, place, options), failure(group, options.signal)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ports,
    urls: {
      management: localOrigin(ports.management),
      mcp: localOrigin(ports.mcp),
      issuer: localOrigin(ports.issuer),
      inventory: demoUrl('inventory', ports),
      toolbox: demoUrl('toolbox', ports),
    },
    state,
    died: group.died,
    mint: (request) => mintAt(ports.issuer, request),
    kill: (name) => group.kill(name),
    restart: (name) => group.restart(name),
    stop,
  };
}

async function emptyLogDir(dataDir: string): Promise<string> {
  const logDir = join(dataDir, 'logs');
  try {
    await rm(logDir, { recursive: true, force: true });
    await mkdir(logDir, { recursive: true });
  } catch (cause) {
    throw new LocalError(`Cannot write to ${logDir}: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
  return logDir;
}

async function startAll(group: ProcessGroup, place: Place, options: TopologyOptions): Promise<void> {
  const startEach = (specs: Parameters<ProcessGroup['start']>[0][]) =>
    Promise.all(specs.map((spec) => group.start(spec)));

  await Promise.all([
    startEach([...groundProcesses(place), ...(options.demo ? demoProcesses(place) : [])]),
    options.build === false ? undefined : build(options.app),
  ]);
  if (!options.withoutApps) await startEach([...appProcesses(place)]);
  if (options.demo) {
    const { registerDemoServers } = await import('./registerDemo.ts');
    await registerDemoServers(place.ports);
  }
}

async function build(app: TopologyOptions['app']): Promise<void> {
  const { buildApps } = await import('../build.ts');
  await (app?.build() ?? buildApps()).catch((cause: unknown) => {
    // Of several lines, esbuild has printed all but the first.
    const [first = ''] = cause instanceof Error ? cause.message.split(/:?\n/, 1) : [];
    throw new LocalError(first, { cause });
  });
}

/** Rejects when the start cannot go on. */
async function failure(group: ProcessGroup, signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(new LocalError('stopped before it was ready'));
    });
  });
  throw await Promise.race([group.died, aborted]);
}

function neededPorts(ports: Ports, { demo, withoutApps }: TopologyOptions): [string, number][] {
  const unneeded = new Set<string>([
    // Redis is done without where its port is taken.
    'redis',
    ...(demo ? [] : demoServers.map(({ slug }) => slug)),
    ...(withoutApps ? appNames : []),
  ]);
  return Object.entries(ports).filter(([name]) => !unneeded.has(name));
}
