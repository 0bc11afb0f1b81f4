import { pathToFileURL } from 'node:url';
import { type CoreApp, provideCoreApi } from './coreApi.ts';
import {
  captureServer,
  serveByProxy,
  serveDirect,
  type Serving,
  type StreamServing,
} from './libraryServer.ts';
import { type Log, stackOf } from './log.ts';

export interface LoadedApp {
  readonly app: CoreApp;
  /** Undefined when the app does not use HTTP streaming. */
  readonly streaming: StreamServing | undefined;
  /** Runs the app's `appTerminate` hooks. */
  readonly terminate: () => Promise<void>;
}

/** The capabilities of Azure's worker, before the app adds its own. */
const WORKER_CAPABILITIES = {
  RawHttpBodyBytes: 'true',
  RpcHttpTriggerMetadataRemoved: 'true',
  RpcHttpBodyOnly: 'true',
  IgnoreEmptyValuedRpcHttpHeaders: 'true',
  UseNullableValueDictionaryForHttp: 'true',
  WorkerStatus: 'true',
  TypedDataCollection: 'true',
  HandlesWorkerTerminateMessage: 'true',
};

/**
 * Loads the app and starts it as Azure's worker does: its file, its `appStart` hooks, its capabilities. When the file throws,
 * the stack is printed on stderr. (In Azure such an app looks like one without functions.)
 */
export async function loadApp(
  root: string,
  entryPoint: string,
  serving: Serving,
  log: Log,
): Promise<LoadedApp> {
  const app = provideCoreApi(log);
  try {
    await import(pathToFileURL(entryPoint).href);
  } catch (error) {
    console.error(stackOf(error));
    throw new Error(`${entryPoint} failed at load`, { cause: error });
  }
  const hookData = {};
  const appStart = { hookData, appHookData: app.appHookData, functionAppDirectory: root };
  await app.runHooks('appStart', appStart);
  const server = await captureServer(async () =>
    app.programmingModel?.getCapabilities?.({ ...WORKER_CAPABILITIES }),
  );
  app.lock();
  const serve = serving === 'direct' ? serveDirect : serveByProxy;
  return {
    app,
    streaming: server && serve(server),
    terminate: () => app.runHooks('appTerminate', { hookData, appHookData: app.appHookData }),
  };
}
