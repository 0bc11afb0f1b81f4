import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { CoreApp } from './coreApi.ts';
import type { CoreInvocationContext, RetryContext, TypedData } from './coreTypes.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

/** What a trigger gives one run of a function. */
export interface Trigger {
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  /** HTTP chooses its own, to pair the invocation with the request it forwards. */
  readonly invocationId?: string;
  /** The W3C trace that the trigger belongs to. */
  readonly traceParent?: string | undefined;
  readonly retryContext?: RetryContext;
}

/** Runs functions as Azure's worker does, and knows which still run. */
export interface Invoker {
  /**
   * Runs one function; resolves to the value of its `$return` binding, throws what the function threw. Rejects with
   * `FunctionTimeout` when it outlasts `functionTimeout`, and then every other call in flight with `WorkerReplaced`:
   * Azure replaces the whole process. Here the process stays, and the code of these calls runs on until it ends.
   */
  invoke(target: TriggeredFunction, trigger: Trigger): Promise<TypedData | null | undefined>;
  /** How many functions run now. */
  running(): number;
  /** Resolves when none runs any more. */
  idle(): Promise<void>;
}

export class FunctionTimeout extends Error {
  override readonly name = 'FunctionTimeout';
}

/** Another call outlasted `functionTimeout` while this one ran. */
export class WorkerReplaced extends Error {
  override readonly name = 'WorkerReplaced';
}

interface Running {
  readonly run: Promise<unknown>;
  giveUp: (error: Error) => void;
}

export function createInvoker(app: CoreApp, functionTimeoutMs: number | undefined): Invoker {
  // A set is copied as it fills, and each copy that has grown old keeps alive all that is in the next one.
  const running: Running[] = [];

  function replaceWorker(name: string, timeoutMs: number, late: Running): void {
    const timeout = `${name} did not finish within functionTimeout (${timeoutMs} ms)`;
    const replaced = `was in flight when ${timeout}. Azure would replace the process and fail this call too`;
    late.giveUp(new FunctionTimeout(timeout));
    for (const each of running) each.giveUp(new WorkerReplaced(replaced));
  }

  /** The run, unless it is given up before it ends. */
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

  // Hooks may replace the inputs and the callback before, the result and the error after.
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
  // Anything that is thrown counts, an error or not; only a hook can take it back.
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

/** The host's own span, child of the caller's when there is a valid one. */
function childOf(traceParent: string | undefined): string {
  const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceParent ?? '')?.[1];
  return `00-${traceId ?? hexDigits()}-${hexDigits().slice(16)}-01`;
}
