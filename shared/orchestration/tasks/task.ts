import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import type { Permission } from '../../identity/access/permissions.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { Agent } from '../model/agents.ts';
import type { Outcome } from '../model/delegation.ts';

/**
 * The permissions that the result of a task may take. `delegations.read`: it holds facts of the tenant's own work and servers.
 * `audit.read`: it holds records of the tenant's audit trail, or follows from them. `sessions.read`: it identifies a user.
 * `system.read`: it holds facts of the whole gateway.
 */
export const resultPermissions = [
  'delegations.read',
  'audit.read',
  'sessions.read',
  'system.read',
] as const satisfies readonly Permission[];
export type ResultPermission = (typeof resultPermissions)[number];
/** The permissions of a result. A reader needs all of them. */
export type ResultPermissions = readonly [ResultPermission, ...ResultPermission[]];

/** What a task gets beside its input. */
export interface TaskHelpers {
  readonly tenantId: string;
  /** The same in each attempt: a key to make effects idempotent. */
  readonly delegationId: string;
  readonly traceId: string;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** The end of the task's timeout, or the deadline of the delegation if that is earlier. */
  readonly deadline: Date;
  /** Its lines carry the delegation's id and trace. */
  readonly log: Log;
  readonly clock: Clock;
  /**
   * The actor of the work, with the roles of the time of its request. Undefined for work of the system itself, and after the
   * sign-in or the session has ended.
   */
  readonly actor: Actor | undefined;
  /** Returns the token of the session, if its owner allowed to keep it. It must never be shown. */
  readonly token: () => Promise<string | undefined>;
  /** Reports progress in a few words. It does not wait, and drops some of many messages. */
  readonly progress: (message: string) => void;
}

/**
 * A task of an agent. It runs at least once, so it must be idempotent. A failure that it returns is the outcome. A failure that
 * it throws is retried.
 */
export interface TaskDefinition<Input, Output> {
  readonly name: string;
  readonly agent: Agent;
  /** The permissions that a caller needs to delegate it and to read its result. */
  readonly permissions: ResultPermissions;
  /** What it does, for callers. */
  readonly description: string;
  readonly timeoutMs: number;
  /** It runs as a step of a named plan only, since the steps before it make it safe. */
  readonly planOnly?: true;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  run(input: Input, helpers: TaskHelpers): Promise<Result<Output>>;
}

/** A task, independent of the types of its input and output. */
export interface Task {
  readonly name: string;
  readonly agent: Agent;
  readonly permissions: ResultPermissions;
  readonly description: string;
  readonly timeoutMs: number;
  readonly planOnly: boolean;
  /** A worker outside the apps runs it. Its input must fit a message, since the worker cannot read our tables. */
  readonly external?: true;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  execute(input: unknown, helpers: TaskHelpers): Promise<Outcome>;
}

/** Returns a task that parses its input before it runs and its output before it is recorded. */
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

/** Resolves at the abort: a task that ignores its signal must not keep its message. */
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

/** Returns the JSON Schemas of a task's input and output. A part without JSON Schema accepts any value. */
export function taskSchemas({ input, output }: Pick<Task, 'input' | 'output'>): {
  readonly input: z.core.JSONSchema.BaseSchema;
  readonly output: z.core.JSONSchema.BaseSchema;
} {
  return {
    input: z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }),
    output: z.toJSONSchema(output, { unrepresentable: 'any' }),
  };
}
