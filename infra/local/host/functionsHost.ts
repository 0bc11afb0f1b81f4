import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningChild } from '../childProcess.ts';
import { loadApp } from './appLoader.ts';
import type { RegisteredFunction } from './coreApi.ts';
import { readHostConfig, type HostConfig } from './hostConfig.ts';
import { listen } from './http.ts';
import type { Serving } from './httpStreaming.ts';
import { createInvoker, type Invoker } from './invocation.ts';
import { createLog, type Log } from './log.ts';
import { routeTable } from './routes.ts';

export interface HostOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The app's folder: `package.json`, `host.json`, `local.settings.json`. */
  readonly root: string;
  readonly serving: Serving;
}

/** How long running invocations may go on once the host stops; what runs longer comes again or is lost, as in Azure. */
const DRAIN_MS = 1_500;

type Report = (functionName: string, problem: string) => void;

interface Stoppable {
  /** Starts nothing further. */
  stop(): Promise<void>;
  /** Lets go of what running invocations may still need. */
  close(): Promise<void>;
}

/**
 * Runs a built Functions app as Azure does. The process can hold one app, and takes over its settings.
 * An exception outside of any function ends the process, where Azure would start a new one in its place.
 */
export async function startHost(options: HostOptions): Promise<RunningChild> {
  const config = await readHostConfig(options.root, process.env);
  Object.assign(process.env, config.settings);
  const log = createLog(config.logLevel);
  const { app, streaming, ...loaded } = await loadApp(options.root, config.entryPoint, options.serving, log);
  if (app.functions.size === 0) throw new Error(`no functions found in ${config.entryPoint}`);

  const inError = new Set<string>();
  const report: Report = (name, problem) => {
    inError.add(name);
    log('critical', `Function ${name} is in error and does not run: ${problem}`);
  };
  const functions = runnable(app.functions.values(), report);
  const invoker = createInvoker(app, config.functionTimeoutMs);
  const server = await listen(
    {
      functions: routeTable(functions, config.routePrefix, report),
      invoker,
      streaming,
      functionKey: config.settings['MREG_LOCAL_FUNCTION_KEY'],
      log,
    },
    options.port,
  );
  const triggers = await Promise.all([
    startQueues(functions, config, invoker, log, report),
    startTimers(functions, config, invoker, log, report),
  ]);
  const count = app.functions.size - inError.size;
  const { port } = server.address() as AddressInfo;
  return {
    line: `Functions host on http://127.0.0.1:${port}: ${count} ${count === 1 ? 'function' : 'functions'}`,
    async stop() {
      const closed = stopServer(server);
      await Promise.all(triggers.map((trigger) => trigger.stop()));
      const left = await invoker.drain(DRAIN_MS);
      if (left > 0) log('warning', `${left} invocations still ran when the host stopped`);
      await closed;
      streaming?.close();
      await Promise.all(triggers.map((trigger) => trigger.close()));
      await loaded.terminate();
    },
  };
}

const TRIGGERS = new Set(['httpTrigger', 'serviceBusTrigger', 'timerTrigger']);

/** Leaves out, and reports, the functions with a binding that this host would have to pass over. */
function runnable(functions: Iterable<RegisteredFunction>, report: Report): RegisteredFunction[] {
  return [...functions].filter(({ metadata }) => {
    const unknown = Object.entries(metadata.bindings).find(
      ([name, { type }]) => !TRIGGERS.has(type) && !(name === '$return' && type === 'http'),
    );
    if (unknown) report(metadata.name, `bindings of type ${unknown[1].type} are not run here`);
    return !unknown;
  });
}

async function startQueues(
  functions: readonly RegisteredFunction[],
  config: HostConfig,
  invoker: Invoker,
  log: Log,
  report: Report,
): Promise<Stoppable> {
  const triggered = functions.filter((registered) => hasTrigger(registered, 'serviceBusTrigger'));
  if (triggered.length === 0) return NOTHING;
  // Imported here, so that an app without queues does not wait for the SDK.
  const { startQueueTriggers, toQueueFunction } = await import('./serviceBusTrigger.ts');
  const targets = attempt(triggered, (registered) => toQueueFunction(registered, config.settings), report);
  return startQueueTriggers(targets, config.serviceBus, invoker, log);
}

async function startTimers(
  functions: readonly RegisteredFunction[],
  config: HostConfig,
  invoker: Invoker,
  log: Log,
  report: Report,
): Promise<Stoppable> {
  const triggered = functions.filter((registered) => hasTrigger(registered, 'timerTrigger'));
  if (triggered.length === 0) return NOTHING;
  const [{ startTimer, toTimerFunction }, { createFileTimerStore, createMemoryTimerStore }] =
    await Promise.all([import('./timerTrigger.ts'), import('./timerStore.ts')]);
  const { MREG_LOCAL_DATA: folder, AzureFunctionsWebHost__hostid: hostId = 'host' } = config.settings;
  const store =
    folder === undefined
      ? createMemoryTimerStore()
      : createFileTimerStore(path.join(folder, 'timers', hostId));
  const timers = attempt(triggered, (registered) => toTimerFunction(registered, config.settings), report).map(
    (target) => startTimer(target, store, invoker, log),
  );
  return {
    stop() {
      for (const timer of timers) timer.stop();
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

const NOTHING: Stoppable = { stop: () => Promise.resolve(), close: () => Promise.resolve() };

function hasTrigger({ metadata }: RegisteredFunction, type: string): boolean {
  return Object.values(metadata.bindings).some((binding) => binding.type === type);
}

function attempt<T>(
  functions: readonly RegisteredFunction[],
  read: (registered: RegisteredFunction) => T | undefined,
  report: Report,
): T[] {
  return functions.flatMap((registered) => {
    try {
      return read(registered) ?? [];
    } catch (error) {
      report(registered.metadata.name, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

/** Refuses new connections at once, and cuts those that are left when the time for running invocations is over. */
async function stopServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await Promise.race([closed, delay(DRAIN_MS)]);
  server.closeAllConnections();
}
