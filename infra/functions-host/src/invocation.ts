import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { CoreApp } from './coreApi.ts';
import type { CoreInvocationContext, RetryContext, TypedData } from './coreTypes.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

/** The data of a trigger for one invocation of a function. */
export interface Trigger {
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  /** An HTTP trigger chooses the id, to pair the invocation with the forwarded request. */
  readonly invocationId?: string;
  /** The W3C `traceparent` of the trigger. */
  readonly traceParent?: string | undefined;
  readonly retryContext?: RetryContext;
}

/** Runs functions as Azure's worker does, and counts running invocations. */
export interface Invoker {
  /**
   * Runs one function. Resolves to the value of its `$return` binding, or rejects with what the function threw. After
   * `functionTimeout` it rejects with `FunctionTimeout`, and all other running calls with `WorkerReplaced`, because Azure
   * replaces the whole process then. Here the process stays, and the code of these calls runs until it ends.
   */
  invoke(target: TriggeredFunction, trigger: Trigger): Promise<TypedData | null | undefined>;
  /** Returns the number of running invocations. */
  running(): number;
  /** Resolves when no invocation is running. */
  idle(): Promise<void>;
}

export class FunctionTimeout extends Error {
  override readonly name = 'FunctionTimeout';
}

/** Another call exceeded `functionTimeout` while this one was running. */
export class WorkerReplaced extends Error {
  override readonly name = 'WorkerReplaced';
}

interface Running {
  readonly name: string;
  /** Milliseconds of `performance.now`. */
  readonly until: number;
  readonly run: Promise<unknown>;
  readonly giveUp: (error: Error) => void;
}

export function createInvoker(app: CoreApp, functionTimeoutMs: number | undefined): Invoker {
  // Not a set: a set is copied when it grows, and old copies keep the entries of later ones in memory. The first is the oldest.
  const running: Running[] = [];
  let watch: NodeJS.Timeout | undefined;

  /** Replaces the worker when the oldest invocation is late. One timer serves all, since nearly none is. */
  function replaceLate(timeoutMs: number): void {
    watch = undefined;
    const [late] = running;
    if (!late) return;
    const leftMs = late.until - performance.now();
    if (leftMs > 0) {
      watch = setTimeout(replaceLate, leftMs, timeoutMs).unref();
      return;
    }
    const timeout = `${late.name} did not finish within functionTimeout (${timeoutMs} ms)`;
    const replaced = `was in flight when ${timeout}. Azure would replace the process and fail this call too`;
    for (const each of running.splice(0))
      each.giveUp(each === late ? new FunctionTimeout(timeout) : new WorkerReplaced(replaced));
  }

  return {
    invoke(target, trigger) {
      return new Promise((resolve, reject) => {
        const run = runFunction(app, target, trigger);
        const until = performance.now() + (functionTimeoutMs ?? Infinity);
        const own: Running = { name: target.name, until, run, giveUp: reject };
        running.push(own);
        if (functionTimeoutMs !== undefined)
          watch ??= setTimeout(replaceLate, functionTimeoutMs, functionTimeoutMs).unref();
        const end = () => {
          const index = running.indexOf(own);
          if (index >= 0) running.splice(index, 1);
        };
        run.finally(end).then(resolve, reject);
      });
    },
    running: () => running.length,
    async idle() {
      while (running.length > 0) await Promise.allSettled(running.map(({ run }) => run));
    },
  };
}

async function runFunction(
  app: CoreApp,
  target: TriggeredFunction,
  trigger: Trigger,
): Promise<TypedData | null | undefined> {
  if (!app.programmingModel) throw new Error('the app has set no programming model');
  const scope: { hookData: Record<string, unknown>; invocationContext: unknown } = {
    hookData: {},
    invocationContext: undefined,
  };
  const core = coreContext(target, trigger, (level, category, message) => {
    app.log(level, category, message, scope);
  });
  const model = await app.programmingModel.getInvocationModel(core);
  const { context, inputs } = await model.getArguments();
  scope.invocationContext = context;

  const shared = { ...scope, appHookData: app.appHookData };
  try {
    // Hooks can replace inputs and callback before the run, result and error after it.
    const before = { ...shared, inputs, functionCallback: target.callback };
    core.state = 'preInvocationHooks';
    await app.runHooks('preInvocation', before);

    const after = { ...shared, inputs: before.inputs, result: null as unknown, error: null as unknown };
    core.state = 'invocation';
    try {
      after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      after.error = error;
    }

    core.state = 'postInvocationHooks';
    await app.runHooks('postInvocation', after);
    if (after.error instanceof Error) throw after.error;
    // Any thrown value counts as an error. Only a hook can remove it.
    if (after.error !== null && after.error !== undefined) throw new Error(inspect(after.error));
    core.state = undefined;
    return (await model.getResponse(context, after.result)).returnValue;
  } finally {
    core.state = undefined;
  }
}

function coreContext(
  { metadata, bindingName }: TriggeredFunction,
  trigger: Trigger,
  log: CoreInvocationContext['log'],
): CoreInvocationContext {
  const invocationId = trigger.invocationId ?? randomUUID();
  return {
    invocationId,
    metadata,
    request: {
      invocationId,
      functionId: metadata.functionId ?? metadata.name,
      inputData: [{ name: bindingName, data: trigger.data }],
      triggerMetadata: trigger.metadata,
      traceContext: { traceParent: childOf(trigger.traceParent, invocationId), traceState: '' },
      ...(trigger.retryContext && { retryContext: trigger.retryContext }),
    },
    state: undefined,
    log,
  };
}

/** Returns the host's own span: a child of the caller's span when that is valid. Both of its ids are of the invocation's. */
function childOf(traceParent: string | undefined, invocationId: string): string {
  const digits = invocationId.replaceAll('-', '');
  const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceParent ?? '')?.[1];
  return `00-${traceId ?? digits}-${digits.slice(16)}-01`;
}
