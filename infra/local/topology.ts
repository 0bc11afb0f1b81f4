import { isProduction } from '../../shared/platform/config/environment.ts';
import { checkSettings } from './checkSettings.ts';
import { openDataFolder } from './dataFolder.ts';
import { localOrigin, type Ports, portsFor } from './defaults.ts';
import { type DeployedApps, serveDeployments } from './deployments.ts';
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
  type Place,
  root,
} from './processes.ts';
import { type LineListener, type ProcessGroup, processGroup } from './processGroup.ts';
import { chooseState, type StateChoice } from './redis.ts';

export interface TopologyOptions {
  readonly portOffset: number;
  /** The folder of storage, queues, keys and logs. One topology at a time may use it. */
  readonly dataDir: string;
  /** Also start the two sample MCP servers and register them. */
  readonly demo?: boolean;
  /**
   * Start everything that the apps need, but not the apps. The developer runs these with `func start`, or deploys packages
   * with `npm run deploy`.
   */
  readonly withoutApps?: boolean;
  /** The folder from which the apps run, when it is not the checkout, and a function that builds them there. */
  readonly app?: { readonly root: string; build(): Promise<unknown> };
  /** More settings of both apps. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More settings of one app. */
  readonly settingsOf?: Place['settingsOf'];
  /** False when `dist/` is known to be fresh. */
  readonly build?: false;
  /** Cancels a start: the processes that have started are stopped, then the start rejects. */
  readonly signal?: AbortSignal;
  /** Gets each line that a process prints. The logs in `dataDir/logs` have them too. */
  readonly onLine?: LineListener;
  /** Gets one line for each process that is started again after it has died. */
  readonly onRestart?: (line: string) => void;
}

/** The processes of the topology by name, as `kill` and `restart` take them. */
export type ProcessName =
  'azurite' | 'serviceBus' | 'issuer' | 'redis' | 'management' | 'mcp' | 'inventory' | 'toolbox';

/** Both apps on one machine, with storage, queues and the token issuer. */
export interface Topology {
  readonly ports: Ports;
  /** Origins of the apps and the issuer, and the MCP addresses of the sample servers. */
  readonly urls: Readonly<Record<'management' | 'mcp' | 'issuer' | 'inventory' | 'toolbox', string>>;
  readonly state: StateChoice;
  /** Resolves with the reason when a process has died too often to be started again. The others go on until `stop`. */
  readonly failed: Promise<LocalError>;
  /** An access token from the issuer. */
  mint(request: MintRequest): Promise<string>;
  /** Kills a process. It stays dead until `restart`. */
  kill(name: ProcessName): Promise<void>;
  /** Rejects when it does not become ready again; the others go on, and it may be restarted once more. */
  restart(name: ProcessName): Promise<void>;
  /** Stops the apps, and when they have drained, the rest. */
  stop(): Promise<void>;
}

/** Apps that the developer starts have their own settings. Those of the example name no Redis. */
const stateOfOthers: StateChoice = { kind: 'tables', reason: 'the apps are started elsewhere' };

/**
 * Starts the topology; resolves when all of it is ready. Nothing is left running when it rejects.
 * @throws LocalError with one line for the user: a taken port, a wrong setting, a process that ends, a failed build.
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
  const { logDir, sealingKey, release } = await openDataFolder(dataDir, options.portOffset);
  const place = {
    ports,
    dataDir,
    appRoot: options.app?.root ?? root,
    state,
    settings: { MREG_SEALING_KEYS: sealingKey, ...settings },
    settingsOf,
  };
  const group = processGroup(logDir, options);
  let deployedApps: DeployedApps | undefined;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= Promise.resolve(deployedApps?.close())
      .then(() => group.stop(appNames))
      .then(() => group.stop())
      .finally(release);
    return stopped;
  };
  try {
    options.signal?.throwIfAborted();
    if (!options.withoutApps) for (const { env } of appProcesses(place)) checkSettings(env);
    await Promise.race([startAll(group, place, options), failure(group, options.signal)]);
    if (options.withoutApps) deployedApps = await serveDeployments(group, place);
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
    failed: group.failed,
    mint: (request) => mintAt(ports.issuer, request),
    kill: (name) => group.kill(name),
    restart: (name) => group.restart(name),
    stop,
  };
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
    throw new LocalError(cause instanceof Error ? cause.message : String(cause), { cause });
  });
}

/** Rejects when the start cannot go on. */
async function failure(group: ProcessGroup, signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(new LocalError('stopped before it was ready'));
    });
  });
  throw await Promise.race([group.failed, aborted]);
}

function neededPorts(ports: Ports, { demo, withoutApps }: TopologyOptions): [string, number][] {
  const unneeded = new Set<string>([
    // Where this port is in use, the apps keep their state in tables.
    'redis',
    ...(demo ? [] : demoServers.map(({ slug }) => slug)),
    ...(withoutApps ? appNames : []),
  ]);
  return Object.entries(ports).filter(([name]) => !unneeded.has(name));
}
