import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningChild } from '../../local/childProcess.ts';
import { loadApp } from './appLoader.ts';
import { readHostConfig, type HostConfig } from './hostConfig.ts';
import { listen } from './http.ts';
import type { Serving } from './libraryServer.ts';
import { createInvoker, type Invoker } from './invocation.ts';
import { createLog, type Log } from './log.ts';
import { routeTable } from './routes.ts';
import { readAll, toTriggered, type Report, type TriggeredFunction } from './triggeredFunction.ts';

export interface HostOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The app's folder: `package.json`, `host.json`, `local.settings.json`. */
  readonly root: string;
  readonly serving: Serving;
}

/** How long running invocations may go on once the host stops; what runs longer comes again or is lost, as in Azure. */
const DRAIN_MS = 1_500;

interface RunningTriggers {
  /** Starts nothing further; resolves when what has started is done with. */
  stop(): Promise<void>;
  /** Lets go of what running invocations may still need. */
  close(): Promise<void>;
}

/** What triggers need of the host. */
interface TriggerContext {
  readonly config: HostConfig;
  readonly invoker: Invoker;
  readonly log: Log;
  readonly report: Report;
}

/**
 * Runs a built Functions app as Azure does. The process can hold one app, and takes over its settings.
 * An exception outside of any function ends the process, where Azure would start a new one in its place.
 */
export async function startHost({ port, root, serving }: HostOptions): Promise<RunningChild> {
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
  const functionKey = config.settings['MREG_LOCAL_FUNCTION_KEY'];
  const server = await listen({ functions: routes, invoker, streaming, functionKey, log }, port);
  const context = { config, invoker, log, report };
  const triggers = await Promise.all([
    startQueues(startedBy('serviceBusTrigger'), context),
    startTimers(startedBy('timerTrigger'), context),
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
): Promise<RunningTriggers> {
  if (functions.length === 0) return NOTHING;
  const { startTimer, toTimerFunction } = await import('./timerTrigger.ts');
  const { createFileTimerStore, createMemoryTimerStore } = await import('./timerStore.ts');
  const { MREG_LOCAL_DATA: folder, AzureFunctionsWebHost__hostid: hostId = 'host' } = config.settings;
  const store = folder ? createFileTimerStore(path.join(folder, 'timers', hostId)) : createMemoryTimerStore();
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
