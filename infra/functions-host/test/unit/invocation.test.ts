import { createRequire } from 'node:module';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type CoreApp, provideCoreApi } from '../../src/coreApi.ts';
import type { FunctionCallback, HookContext, LogLevel, ProgrammingModel } from '../../src/coreTypes.ts';
import { createInvoker, FunctionTimeout, type Trigger, WorkerReplaced } from '../../src/invocation.ts';
import type { TriggeredFunction } from '../../src/triggeredFunction.ts';

/** The core API as an app's code sees it. */
interface CoreApi {
  readonly hostVersion: string;
  setProgrammingModel(model: ProgrammingModel): void;
  registerFunction(metadata: unknown, callback: FunctionCallback): { dispose(): void };
  registerHook(name: string, callback: (context: never) => unknown): { dispose(): void };
  log(level: LogLevel, category: 'user' | 'system', message: string): void;
  readonly Disposable: new (onDispose: () => void) => { dispose(): void };
}

let app: CoreApp;
let core: CoreApi;
let lines: string[];
let states: (string | undefined)[];

/** As the library does: hands the trigger's data to the callback, and its result on. */
const model: ProgrammingModel = {
  name: 'test',
  version: '1',
  getInvocationModel: (context) => ({
    getArguments: () =>
      Promise.resolve({
        context: { id: context.invocationId, core: context },
        inputs: [context.request.inputData[0]?.data.string],
      }),
    async invokeFunction(invocation, inputs, callback) {
      states.push(context.state);
      context.log('information', 'user', 'running');
      return await callback(...inputs, invocation);
    },
    getResponse: (_, result) => Promise.resolve({ returnValue: { string: String(result) } }),
  }),
};

const trigger: Trigger = { data: { string: 'input' }, metadata: {} };

beforeEach(() => {
  lines = [];
  states = [];
  app = provideCoreApi((level, message) => lines.push(`${level}: ${message}`));
  core = createRequire(import.meta.url)('@azure/functions-core') as CoreApi;
  core.setProgrammingModel(model);
});

function register(callback: FunctionCallback, name = 'f'): TriggeredFunction {
  core.registerFunction({ name, bindings: {} }, callback);
  const registered = app.functions.get(name);
  if (!registered) throw new Error(`${name} is not registered`);
  return { ...registered, name, bindingName: 'in', trigger: { type: 'any', direction: 'in' } };
}

describe('the core API', () => {
  test('takes registrations until the app has started, and each name once', () => {
    const disposable = core.registerFunction({ name: 'taken', bindings: {} }, () => undefined);
    expect(() => core.registerFunction({ name: 'taken', bindings: {} }, () => undefined)).toThrow('taken');
    disposable.dispose();
    expect(app.functions.size).toBe(0);
    const kept = core.registerFunction({ name: 'kept', bindings: {} }, () => undefined);
    app.lock();
    expect(() => core.registerFunction({ name: 'late', bindings: {} }, () => undefined)).toThrow('startup');
    expect(() => {
      kept.dispose();
    }).toThrow('startup');
  });

  test('refuses an unknown hook in the way that the library recognises', () => {
    expect(() => core.registerHook('unknown', () => undefined)).toThrow(
      expect.objectContaining({ name: 'RangeError', isAzureFunctionsSystemError: true }),
    );
  });

  test('runs hooks in the order of their registration, and none that was disposed', async () => {
    const ran: string[] = [];
    core.registerHook('appStart', () => ran.push('first'));
    const second = core.registerHook('appStart', () => ran.push('second'));
    core.registerHook('appStart', () => ran.push('third'));
    second.dispose();
    second.dispose();
    await app.runHooks('appStart', { hookData: {}, appHookData: app.appHookData });
    expect(ran).toEqual(['first', 'third']);
  });

  test('lets log hooks change lines of the app and no others, and survives one that throws', () => {
    core.registerHook('log', (context: { message: string }) => {
      context.message = `changed ${context.message}`;
      throw new Error('a hook fails');
    });
    core.log('warning', 'user', 'mine');
    core.log('warning', 'system', 'theirs');
    expect(lines).toEqual(['warning: changed mine', 'warning: theirs']);
  });

  test('does not show what the library tells of its own doings', () => {
    core.log('information', 'system', 'noise');
    expect(lines).toEqual(['debug: noise']);
  });
});

describe('an invocation', () => {
  test('gives the input to the function, and the response of the library back', async () => {
    const invoker = createInvoker(app, undefined);
    expect(
      await invoker.invoke(
        register((input) => `got ${String(input)}`),
        trigger,
      ),
    ).toEqual({ string: 'got input' });
  });

  test('goes through its states, with nothing between them', async () => {
    let seen: { readonly state: string | undefined } | undefined;
    const remember = (context: { invocationContext: { core: { state: string | undefined } } }) => {
      seen = context.invocationContext.core;
      states.push(seen.state);
    };
    core.registerHook('preInvocation', remember);
    core.registerHook('postInvocation', remember);
    await createInvoker(app, undefined).invoke(
      register(() => undefined),
      trigger,
    );
    expect([...states, seen?.state]).toEqual([
      'preInvocationHooks',
      'invocation',
      'postInvocationHooks',
      undefined,
    ]);
  });

  test('lets hooks replace the inputs, the function, the result and the error, and share data', async () => {
    interface Context extends HookContext {
      inputs: unknown[];
      functionCallback: FunctionCallback;
      result: unknown;
      error: unknown;
    }
    core.registerHook('preInvocation', (context: Context) => {
      context.hookData['note'] = 'from before';
      context.inputs = ['replaced'];
      const { functionCallback } = context;
      context.functionCallback = (...inputs) => functionCallback(...inputs);
    });
    core.registerHook('postInvocation', (context: Context) => {
      expect(context.hookData['note']).toBe('from before');
      if (context.error instanceof Error) context.result = `forgave ${context.error.message}`;
      context.error = null;
    });
    const failing = register((input) => {
      throw new Error(String(input));
    });
    expect(await createInvoker(app, undefined).invoke(failing, trigger)).toEqual({
      string: 'forgave replaced',
    });
  });

  test.each([
    { hook: 'preInvocation', why: 'the function does not run', runs: 0 },
    { hook: 'postInvocation', why: 'although the function has run', runs: 1 },
  ])('fails when a $hook hook throws: $why', async ({ hook, runs }) => {
    core.registerHook(hook, () => {
      throw new Error('hook');
    });
    const callback = vi.fn();
    await expect(createInvoker(app, undefined).invoke(register(callback), trigger)).rejects.toThrow('hook');
    expect(callback).toHaveBeenCalledTimes(runs);
  });

  test('fails when the function throws what is no error', async () => {
    const failing = register(() => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw 'just text';
    });
    await expect(createInvoker(app, undefined).invoke(failing, trigger)).rejects.toThrow('just text');
  });

  test('tells log hooks which invocation wrote a line', async () => {
    const seen: unknown[] = [];
    core.registerHook('log', (context: { invocationContext?: { id: string } }) =>
      seen.push(context.invocationContext?.id),
    );
    await createInvoker(app, undefined).invoke(
      register(() => undefined),
      { ...trigger, invocationId: 'i-1' },
    );
    expect(seen).toEqual(['i-1']);
  });

  test('continues the trace of its trigger, and starts one where there is none', async () => {
    const traces: string[] = [];
    core.setProgrammingModel({
      ...model,
      getInvocationModel: (context) => {
        traces.push(context.request.traceContext.traceParent);
        return model.getInvocationModel(context);
      },
    });
    const registered = register(() => undefined);
    const caller = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const traceParent of [caller, 'not a trace', undefined]) {
      await createInvoker(app, undefined).invoke(registered, { ...trigger, traceParent });
    }
    expect(traces[0]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/);
    expect(traces[1]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(new Set(traces).size).toBe(3);
  });

  test('that outlasts functionTimeout is given up, and every other with it', async () => {
    const invoker = createInvoker(app, 5);
    const never = () => new Promise(() => {});
    const [late, beside] = ['late', 'beside'].map((name) => invoker.invoke(register(never, name), trigger));
    const replaced = expect(beside).rejects.toThrow(WorkerReplaced);
    await expect(late).rejects.toThrow(FunctionTimeout);
    await replaced;
    await expect(
      invoker.invoke(
        register(() => 'quick', 'quick'),
        trigger,
      ),
    ).resolves.toEqual({ string: 'quick' });
  });

  test('counts until it ends, however it ends', async () => {
    const gate = Promise.withResolvers<string>();
    const invoker = createInvoker(app, undefined);
    const running = invoker.invoke(
      register(() => gate.promise),
      trigger,
    );
    expect(invoker.running()).toBe(1);
    const idle = invoker.idle();
    gate.reject(new Error('fails'));
    await idle;
    expect(invoker.running()).toBe(0);
    await expect(running).rejects.toThrow('fails');
  });
});
