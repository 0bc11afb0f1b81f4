import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadApp } from './appLoader.ts';
import { type HostConfig, readHostConfig } from './hostConfig.ts';
import { listen } from './http.ts';
import { createInvoker, type Invoker } from './invocation.ts';
import type { Serving } from './libraryServer.ts';
import { createLog, type Log } from './log.ts';
import { routeTable } from './routes.ts';
import { readAll, type Report, toTriggered, type TriggeredFunction } from './triggeredFunction.ts';

export interface HostOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The app's folder: `package.json`, `host.json`, `local.settings.json`. */
  readonly root: string;
  readonly serving: Serving;
  /** Folder in which the host stores when each timer last ran. Without it, a restart forgets missed runs. */
  readonly dataDir?: string | undefined;
  /** Key for functions whose level of authorization is not `anonymous`. Without it, nobody can call them. */
  readonly functionKey?: string | undefined;
}

export interface RunningHost {
  /** One line for the terminal: the address and the number of functions. */
  readonly line: string;
  /** Stops triggers, lets running invocations finish for a bounded time, and runs the app's `appTerminate` hooks. */
  stop(): Promise<void>;
}

const USAGE =
  'usage: main.ts --port PORT [--root DIR] [--data DIR] [--function-key KEY] [--serving direct|proxy]';

/** Reads the options of the command line. @throws Error that tells the usage when one of them is wrong. */
export function readHostOptions(args: readonly string[]): HostOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      root: { type: 'string', default: '.' },
      serving: { type: 'string', default: 'direct' },
      data: { type: 'string' },
      'function-key': { type: 'string' },
    },
  });
  const { serving, data } = values;
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) throw new Error(USAGE);
  if (serving !== 'direct' && serving !== 'proxy') throw new Error(USAGE);
  return {
    port,
    root: path.resolve(values.root),
    serving,
    dataDir: data && path.resolve(data),
    functionKey: values['function-key'],
  };
}

/** Time for running invocations when the host stops. A longer one is redelivered or lost, as in Azure. */
const DRAIN_MS = 1_500;

interface RunningTriggers {
  /** Starts no further invocation. Resolves when those that have started are settled. */
  stop(): Promise<void>;
  /** Closes the connections that running invocations need. */
  close(): Promise<void>;
}

/** The part of the host that triggers need. */
interface TriggerContext {
  readonly config: HostConfig;
  readonly invoker: Invoker;
  readonly log: Log;
  readonly report: Report;
}

/**
 * Runs a built Functions app as Azure does. A process can hold one app, whose settings become its environment. An exception
 * outside of a function ends the process. (Azure then starts a new one.)
 */
export async function startHost({
  port,
  root,
  serving,
  dataDir,
  functionKey,
}: HostOptions): Promise<RunningHost> {
  const config = await readHostConfig(root, process.env);
  Object.assign(process.env, config.settings);
  const log = createLog(config.logLevel);
  const { app, streaming, terminate } = await loadApp(root, config.entryPoint, serving, log);
  if (app.functions.size === 0) throw new Error(`no functions found in ${config.entryPoint}`);

  const inError = new Set<string>();
  const report: Report = (name, problem) => {
    inError.add(name);
    log('critical', `Function ${name} is in error and does not run: ${problem}`);
  };
  const invoker = createInvoker(app, config.functionTimeoutMs);
  const functions = readAll(app.functions.values(), toTriggered, report);
  const startedBy = (type: string) => functions.filter(({ trigger }) => trigger.type === type);
  const routes = routeTable(startedBy('httpTrigger'), config.routePrefix, report);
  const server = await listen({ functions: routes, invoker, streaming, functionKey, log }, port);
  const context = { config, invoker, log, report };
  const triggers = await Promise.all([
    startQueues(startedBy('serviceBusTrigger'), context),
    startTimers(startedBy('timerTrigger'), context, dataDir),
  ]);

  const count = app.functions.size - inError.size;
  return {
    line: `Functions host on http://127.0.0.1:${server.port}: ${count} ${count === 1 ? 'function' : 'functions'}`,
    async stop() {
      const done = Promise.all([server.close(), invoker.idle(), ...triggers.map((each) => each.stop())]);
      await Promise.race([done, delay(DRAIN_MS)]);
      if (invoker.running() > 0)
        log('warning', `stopped with invocations still running: ${invoker.running()}`);
      server.cut();
      streaming?.close();
      await Promise.all(triggers.map((each) => each.close()));
      await terminate();
    },
  };
}

/**
 * Returns the names of the functions that a built app registers. Starts no trigger and listens on no port. The settings are
 * those of the environment and of `local.settings.json`. A process can hold one app.
 */
export async function listFunctions(root: string): Promise<readonly string[]> {
  const config = await readHostConfig(root, process.env);
  Object.assign(process.env, config.settings);
  const { app } = await loadApp(root, config.entryPoint, 'direct', createLog('none'));
  return [...app.functions.values()].map(({ metadata }) => metadata.name);
}

async function startQueues(
  functions: readonly TriggeredFunction[],
  { config, invoker, log, report }: TriggerContext,
): Promise<RunningTriggers> {
  if (functions.length === 0) return NOTHING;
  // Imported here, so that an app without queues does not wait for the SDK.
  const { startQueueTriggers, toQueueFunction } = await import('./serviceBusTrigger.ts');
  const targets = readAll(functions, (each) => toQueueFunction(each, config.settings), report);
  return startQueueTriggers(targets, config.serviceBus, invoker, log);
}

async function startTimers(
  functions: readonly TriggeredFunction[],
  { config, invoker, log, report }: TriggerContext,
  dataDir: string | undefined,
): Promise<RunningTriggers> {
  if (functions.length === 0) return NOTHING;
  const { startTimer, toTimerFunction } = await import('./timerTrigger.ts');
  const { createFileTimerStore, createMemoryTimerStore } = await import('./timerStore.ts');
  const { AzureFunctionsWebHost__hostid: hostId = 'host' } = config.settings;
  const store = dataDir
    ? createFileTimerStore(path.join(dataDir, 'timers', hostId))
    : createMemoryTimerStore();
  const targets = readAll(functions, (each) => toTimerFunction(each, config.settings), report);
  const timers = targets.map((target) => startTimer(target, store, invoker, log));
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()));
    },
    close: () => Promise.resolve(),
  };
}

const NOTHING: RunningTriggers = { stop: () => Promise.resolve(), close: () => Promise.resolve() };
