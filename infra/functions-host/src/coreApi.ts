import Module from 'node:module';
import {
  type FunctionCallback,
  type FunctionMetadata,
  HOOK_NAMES,
  type HookCallback,
  type HookContext,
  type HookName,
  type LogCategory,
  type LogLevel,
  type ProgrammingModel,
} from './coreTypes.ts';
import type { Log } from './log.ts';

/** The `hostVersion` of the app: the first version of Azure's host that has all calls of this core API. */
const HOST_VERSION = '4.34.0';

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** What a log hook gets about the invocation that wrote a line. */
export interface InvocationScope {
  readonly hookData: Record<string, unknown>;
  readonly invocationContext: unknown;
}

/** The functions, hooks and programming model that the app has registered through the core API. */
export interface CoreApp {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly appHookData: Record<string, unknown>;
  readonly programmingModel: ProgrammingModel | undefined;
  /** Runs the hooks of one kind in the order of their registration; the first that throws ends it. */
  runHooks(name: Exclude<HookName, 'log'>, context: HookContext): Promise<void>;
  /** Logs for the app: its log hooks may change what it wrote itself, never what the host or the library wrote. */
  log(level: LogLevel, category: LogCategory, message: string, invocation?: InvocationScope): void;
  /** From this call on, no function can be registered or disposed, as in Azure after the start of the app. */
  lock(): void;
}

/**
 * Makes `require('@azure/functions-core')` return the core API of this process. Must run before the app is loaded: the
 * library asks once, and takes a failure as "not inside a host" for ever. The interception is global to the process, so a
 * process can host one app.
 */
export function provideCoreApi(write: Log): CoreApp {
  const functions = new Map<string, RegisteredFunction>();
  const hooks = new Map<string, HookCallback[]>(HOOK_NAMES.map((name) => [name, []]));
  const appHookData: Record<string, unknown> = {};
  let programmingModel: ProgrammingModel | undefined;
  let locked = false;

  function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (locked) throw systemError('A function can only be registered during app startup.');
    const id = metadata.functionId ?? metadata.name;
    if (functions.has(id)) throw systemError(`A function with id "${id}" has already been registered.`);
    functions.set(id, { metadata, callback });
    return new Disposable(() => {
      if (locked) throw systemError('A function can only be disposed during app startup.');
      functions.delete(id);
    });
  }

  function registerHook(name: string, callback: HookCallback): Disposable {
    const callbacks = hooks.get(name);
    if (!callbacks) {
      throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), {
        isAzureFunctionsSystemError: true,
      });
    }
    callbacks.push(callback);
    return new Disposable(() => {
      const index = callbacks.indexOf(callback);
      if (index >= 0) callbacks.splice(index, 1);
    });
  }

  function log(level: LogLevel, category: LogCategory, message: string, invocation?: InvocationScope): void {
    const context = { hookData: {}, appHookData, level, category, message, ...invocation };
    try {
      for (const hook of hooks.get('log') ?? []) hook(context);
    } catch {
      // The line is written even when a log hook throws.
    }
    if (category === 'user') write(context.level, context.message);
    // Lines of the library about its own work are for debugging only.
    else write(level === 'information' ? 'debug' : level, message);
  }

  interceptRequire({
    version: HOST_VERSION,
    hostVersion: HOST_VERSION,
    registerFunction,
    registerHook,
    setProgrammingModel: (model: ProgrammingModel) => {
      programmingModel = model;
    },
    getProgrammingModel: () => programmingModel,
    log: (level: LogLevel, category: LogCategory, message: string) => {
      log(level, category, message);
    },
    Disposable,
  });

  return {
    functions,
    appHookData,
    get programmingModel() {
      return programmingModel;
    },
    async runHooks(name, context) {
      for (const hook of hooks.get(name) ?? []) await hook(context);
    },
    log,
    lock: () => {
      locked = true;
    },
  };
}

/** The `Disposable` of the core API: calls its function once, and can bundle others. */
class Disposable {
  static from(...others: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const other of others) other.dispose();
    });
  }

  #onDispose: (() => unknown) | undefined;

  constructor(onDispose: () => unknown) {
    this.#onDispose = onDispose;
  }

  dispose(): void {
    const onDispose = this.#onDispose;
    this.#onDispose = undefined;
    onDispose?.();
  }
}

/** Azure's worker intercepts in the same place, so an app that loads here loads there. */
function interceptRequire(coreApi: object): void {
  const prototype: { require: (id: string) => unknown } = Module.prototype;
  prototype.require = new Proxy(prototype.require, {
    apply(target, self, args: [string]): unknown {
      return args[0] === '@azure/functions-core' ? coreApi : Reflect.apply(target, self, args);
    },
  });
}

/** The library tells errors of the host from those of the app by this mark. */
function systemError(message: string): Error {
  return Object.assign(new Error(message), { isAzureFunctionsSystemError: true });
}
