import type { z } from 'zod';
import type { Principal } from '../../identity/access/actor.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Agent } from '../model/agents.ts';
import type { Outcome } from '../model/outcome.ts';
import type { ResultPermissions } from './resultPermissions.ts';

/** What a task is given beside its input. */
export interface TaskHelpers {
  readonly tenantId: string;
  /** The same in each repetition: what a task does once only, it does under this id. */
  readonly delegationId: string;
  readonly traceId: string;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** The end of the task's timeout or of the delegation's time, whichever comes first. */
  readonly deadline: Date;
  /** Its lines carry the delegation's id and trace. */
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Who asked for the work, with the roles of that time. Undefined for work of the system itself, and after the sign-in or the
   * session of the work has ended.
   */
  readonly actor: Principal | undefined;
  /** The token of the session, where its owner has let it be kept: to act with, and never to be told. */
  readonly token: () => Promise<string | undefined>;
  /** Tells those who wait how far it is, in a few words. Never waits, and of many at once only some are shown. */
  readonly progress: (message: string) => void;
}

/**
 * Something that an agent can do. Runs at least once: a repetition with the same input must do no harm.
 * A failure that is returned is the outcome; one that is thrown is tried again.
 */
export interface TaskDefinition<Input, Output> {
  readonly name: string;
  readonly agent: Agent;
  /** What its result takes, to ask for it and to read it. */
  readonly permissions: ResultPermissions;
  /** What it does, for those who may ask for it. */
  readonly description: string;
  readonly timeoutMs: number;
  /** It may run as a step of a plan only, since the steps before it are what makes it safe. */
  readonly planOnly?: true;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  run(input: Input, helpers: TaskHelpers): Promise<Result<Output>>;
}

/** A definition closed over its types. */
export interface Task {
  readonly name: string;
  readonly agent: Agent;
  readonly permissions: ResultPermissions;
  readonly description: string;
  readonly timeoutMs: number;
  readonly planOnly: boolean;
  /** Done outside of the apps: its input has to fit a message, since a worker cannot read our tables. */
  readonly external?: true;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  execute(input: unknown, helpers: TaskHelpers): Promise<Outcome>;
}

/** Closes a definition over its types: input is parsed before it runs, output before it is recorded. */
export function defineTask<Input, Output>(definition: TaskDefinition<Input, Output>): Task {
  const { name, agent, permissions, description, timeoutMs, planOnly = false } = definition;
  const { input: inputSchema, output } = definition;
  return {
    name,
    agent,
    permissions,
    description,
    timeoutMs,
    planOnly,
    input: inputSchema,
    output,
    async execute(input, helpers) {
      const parsed = inputSchema.safeParse(input);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const message = `input of ${name} is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
        return { success: false, error: { kind: 'invalid', message } };
      }
      const ended = await Promise.race([definition.run(parsed.data, helpers), whenAborted(helpers.signal)]);
      if (!ended.ok)
        return { success: false, error: { kind: ended.error.kind, message: ended.error.message } };
      return { success: true, result: output.parse(ended.value) };
    },
  };
}

/** A task that does not heed its signal must not hold its queue's place. */
function whenAborted(signal: AbortSignal): Promise<Result<never>> {
  const timedOut = {
    ok: false,
    error: { kind: 'timeout', message: 'the task did not finish in time' },
  } as const;
  return new Promise((done) => {
    if (signal.aborted) done(timedOut);
    signal.addEventListener(
      'abort',
      () => {
        done(timedOut);
      },
      { once: true },
    );
  });
}
