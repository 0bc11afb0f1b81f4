import type { ActOutcome } from '../../audit/model/record.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';

/** Who calls one of the gateway's own tools. */
export interface OwnCall {
  readonly principal: Principal;
  readonly trace: Trace;
  /** Aborted when the client cancels the call. */
  readonly signal: AbortSignal;
}

/** What a call came to: a result as of `tools/call` in both eras, and the same in a word for the audit trail. */
export interface OwnAnswer {
  readonly result: JsonObject;
  readonly outcome: ActOutcome;
}

/** Tools of the gateway itself. Which there are depends on the caller's roles. */
export interface OwnTools {
  /** Those that the caller may use, by their own names. For the same roles the same array: lists are remembered by it. */
  list(principal: Principal): Promise<readonly Tool[]>;
  /** Carries out one of those. What can be expected to go wrong is a result that says so; a fault is thrown. */
  call(name: string, args: JsonObject, call: OwnCall): Promise<OwnAnswer>;
}
