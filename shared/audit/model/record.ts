import { z } from 'zod';
import { type ErrorKind } from '../../platform/base/errors.ts';

/** Who does what to what. */
export interface Act {
  readonly tenantId: string;
  /** Object id of the user or app; `unknown` where nobody was let in. */
  readonly actor: string;
  /** What is done, in words of the API: `servers.delete`, `tools/call`. */
  readonly action: string;
  /** On what: `servers/inventory`. Never an argument, a payload or a header. */
  readonly resource: string;
  readonly traceId: string;
}

/**
 * What came of an act. `begun`: it was about to happen; a later record tells the rest, or the app died. `abandoned`: it was
 * begun but did not happen, as its record could not be stored in time. `not_passed`: a quality gate's
 * verdict. `tool_error`, `rpc_error`: the server's own answer.
 */
export type ActOutcome =
  'begun' | 'abandoned' | 'succeeded' | 'not_passed' | 'tool_error' | 'rpc_error' | 'cancelled' | ErrorKind;

export interface AuditEvent extends Act {
  readonly decision: 'allowed' | 'refused';
  readonly outcome: ActOutcome;
  readonly durationMs: number;
  /** How many alike acts the record stands for; one when absent. */
  readonly count?: number;
  /** Id of the record that was written before the act. */
  readonly begunBy?: string;
}

const natural = z.number().int().min(0);

/** One record as it is stored. What a later version adds is kept, and is under the hash like the rest. */
export const recordSchema = z.looseObject({
  /** `{chain}-{seq}`, so that a record that is missing still has a name. */
  id: z.string(),
  /** When it was recorded; never earlier than the record before it in its chain. */
  at: z.iso.datetime(),
  tenantId: z.string(),
  actor: z.string(),
  action: z.string(),
  resource: z.string(),
  decision: z.enum(['allowed', 'refused']),
  outcome: z.string(),
  durationMs: natural,
  traceId: z.string(),
  count: natural.optional(),
  begunBy: z.string().optional(),
  chain: z.string(),
  seq: natural,
  /** Hash of the record before it in its chain. */
  previous: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof recordSchema>;

/** Part of every id and hash that is stored: changing it would make all trails unreadable. */
export const SEGMENT_LENGTH = 500;

/**
 * A bounded run of records of one chain, and what its end must be. A chain always ends in a segment that is not full: where
 * the last one is full, something was cut off.
 */
export const segmentSchema = z.looseObject({
  tenantId: z.string(),
  chain: z.string(),
  /** Its first record has the sequence number `number * SEGMENT_LENGTH`. */
  number: natural,
  count: natural.max(SEGMENT_LENGTH),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
  /** Hash of the record before the first one. */
  start: z.string(),
  /** Hash of the last record; `start` while there is none. */
  head: z.string(),
  hash: z.string(),
});
export type Segment = z.infer<typeof segmentSchema>;

export const recordId = (chain: string, seq: number): string => `${chain}-${seq}`;

const MAX_TEXT_LENGTH = 200;

/** Bounded, and free of what disguises or breaks a line, a cell or a page: control and format characters, half characters. */
export function plainText(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
