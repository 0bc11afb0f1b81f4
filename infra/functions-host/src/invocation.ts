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
  readonly run: Promise<unknown>;
  giveUp: (error: Error) => void;
}

export function createInvoker(app: CoreApp, functionTimeoutMs: number | undefined): Invoker {
  // Not a set: a set is copied when it grows, and old copies keep the entries of later ones in memory.
  const running: Running[] = [];

  function replaceWorker(name: string, timeoutMs: number, late: Running): void {
    const timeout = `${name} did not finish within functionTimeout (${timeoutMs} ms)`;
    const replaced = `was in flight when ${timeout}. Azure would replace the process and fail this call too`;
    late.giveUp(new FunctionTimeout(timeout));
    for (const each of running) each.giveUp(new WorkerReplaced(replaced));
  }

  /** Resolves to the result of the run, or rejects when the run is abandoned before its end. */
  async function bounded<T>(run: Promise<T>, own: Running, name: string): Promise<T> {
    if (functionTimeoutMs === undefined) return await run;
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise<never>((_, reject) => {
      own.giveUp = reject;
      timer = setTimeout(replaceWorker, functionTimeoutMs, name, functionTimeoutMs, own);
    });
    try {
      return await Promise.race([run, givenUp]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async invoke(target, trigger) {
      const run = runFunction(app, target, trigger);
      const own: Running = { run, giveUp: () => undefined };
      running.push(own);
      try {
        return await bounded(run, own, target.name);
      } finally {
        void running.splice(running.indexOf(own), 1);
      }
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

  // Hooks can replace inputs and callback before the run, result and error after it.
  const before = { ...scope, appHookData: app.appHookData, inputs, functionCallback: target.callback };
  await inState(core, 'preInvocationHooks', () => app.runHooks('preInvocation', before));

  const outcome = await inState(core, 'invocation', async () => {
    try {
      return {
        result: await model.invokeFunction(context, before.inputs, before.functionCallback),
        error: null,
      };
    } catch (error) {
      return { result: null, error };
    }
  });

  const after = { ...scope, appHookData: app.appHookData, inputs: before.inputs, ...outcome };
  await inState(core, 'postInvocationHooks', () => app.runHooks('postInvocation', after));
  if (after.error instanceof Error) throw after.error;
  // Any thrown value counts as an error. Only a hook can remove it.
  if (after.error !== null && after.error !== undefined) throw new Error(inspect(after.error));
  return (await model.getResponse(context, after.result)).returnValue;
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
      traceContext: { traceParent: childOf(trigger.traceParent), traceState: '' },
      ...(trigger.retryContext && { retryContext: trigger.retryContext }),
    },
    state: undefined,
    log,
  };
}

async function inState<T>(
  core: CoreInvocationContext,
  state: CoreInvocationContext['state'],
  step: () => Promise<T>,
): Promise<T> {
  core.state = state;
  try {
    return await step();
  } finally {
    core.state = undefined;
  }
}

const hexDigits = (): string => randomUUID().replaceAll('-', '');

/** Returns the host's own span: a child of the caller's span when that is valid. */
function childOf(traceParent: string | undefined): string {
  const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceParent ?? '')?.[1];
  return `00-${traceId ?? hexDigits()}-${hexDigits().slice(16)}-01`;
}
