import type { ActOutcome } from '../../audit/model/record.ts';
import type { Actor } from '../../identity/access/actor.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';

/** The caller of a built-in tool. */
export interface BuiltInCall {
  readonly actor: Actor;
  readonly trace: Trace;
  /** Aborted when the client cancels the call. */
  readonly signal: AbortSignal;
}

/** The result of `tools/call`, the same in both eras, and its outcome for the audit trail. */
export interface BuiltInAnswer {
  readonly result: JsonObject;
  readonly outcome: ActOutcome;
}

/** The built-in tools: tools of the gateway itself. The caller's roles decide which of them exist for the caller. */
export interface BuiltInTools {
  /** Returns the tools that the caller may use, by their own names. Returns the same array for the same roles, as a cache key. */
  list(actor: Actor): Promise<readonly Tool[]>;
  /** Calls one of these tools. An expected failure is a result with `isError`. @throws for a fault of the gateway */
  call(name: string, args: JsonObject, call: BuiltInCall): Promise<BuiltInAnswer>;
}
