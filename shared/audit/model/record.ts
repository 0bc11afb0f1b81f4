import * as z from 'zod';
import { errorKinds } from '../../platform/base/errors.ts';
import { MAX_LABEL_LENGTH } from '../limits.ts';

/** An act: who does what to what. */
export interface Act {
  readonly tenantId: string;
  /** Object id of the user or app; `unknown` if nobody signed in. */
  readonly actor: string;
  /** What the token calls the actor, for people to read. */
  readonly actorName?: string | undefined;
  /** The action, in the terms of the API: `servers.delete`, `tools/call`. */
  readonly action: string;
  /** The object of the action: `servers/inventory`. Never an argument, a payload or a header. */
  readonly resource: string;
  /** The name of a resource whose path holds only its id. */
  readonly resourceName?: string | undefined;
  /** Why a sign-in was refused, from a closed list. */
  readonly reason?: string | undefined;
  readonly traceId: string;
}

/**
 * The outcome of an act. `begun`: it was about to happen; a later record has the outcome, unless the app died. `abandoned`: it
 * did not happen, because its record could not be stored in time. `not_passed`: the verdict of a quality gate. `tool_error`,
 * `rpc_error`: the answer of the server.
 */
export const outcomes = [
  'begun',
  'abandoned',
  'succeeded',
  'not_passed',
  'tool_error',
  'rpc_error',
  ...errorKinds,
] as const;
export type ActOutcome = (typeof outcomes)[number];

export interface AuditEvent extends Act {
  readonly decision: 'allowed' | 'refused';
  readonly outcome: ActOutcome;
  readonly durationMs: number;
  /** How many equal acts the record stands for; one when absent. */
  readonly count?: number;
  /** Id of the record that was written before the act. */
  readonly begunBy?: string;
  /** The gateway checked itself: the act counts for nobody. */
  readonly ownCheck?: true;
}

const natural = z.number().int().min(0);

/**
 * A stored record. Fields of later versions are kept, and the hash covers them too. The fields stand in the order of canonical
 * JSON, so that a parsed record is hashed without sorting.
 */
export const recordSchema = z.looseObject({
  action: z.string(),
  actor: z.string(),
  actorName: z.string().optional(),
  /** The time of recording; never before that of the previous record of the chain. */
  at: z.iso.datetime(),
  begunBy: z.string().optional(),
  chain: z.string(),
  count: natural.optional(),
  decision: z.enum(['allowed', 'refused']),
  durationMs: natural,
  hash: z.string(),
  /** `{chain}-{seq}`, so that a missing record has a name too. */
  id: z.string(),
  outcome: z.string(),
  ownCheck: z.literal(true).optional(),
  /** Hash of the record before it in its chain. */
  previous: z.string(),
  reason: z.string().optional(),
  resource: z.string(),
  resourceName: z.string().optional(),
  seq: natural,
  tenantId: z.string(),
  traceId: z.string(),
});
export type AuditRecord = z.infer<typeof recordSchema>;

/** A record as the journal hands it to the store. */
export interface SealedRecord {
  readonly id: string;
  readonly key: string;
  readonly hash: string;
  /** JSON of the record. */
  readonly text: string;
}

/**
 * Whether a record is a refusal of access: of a sign-in, or for lack of a permission. A request that names something that does
 * not exist, or that contradicts itself, is a mistake of its sender. A check of the gateway by itself counts for nobody.
 */
export const isAccessRefusal = ({
  decision,
  outcome,
  ownCheck,
}: Pick<AuditRecord, 'decision' | 'outcome' | 'ownCheck'>): boolean =>
  decision === 'refused' && ownCheck !== true && outcome !== 'not_found' && outcome !== 'invalid';

/** Records of a segment. It is part of every stored id and hash: a change would make all trails unreadable. */
export const SEGMENT_LENGTH = 500;

/**
 * A bounded sequence of records of one chain, with the hash of its last record. A chain always ends in a segment that is not
 * full; if the last segment is full, records were cut off.
 */
export const segmentSchema = z.looseObject({
  chain: z.string(),
  count: natural.max(SEGMENT_LENGTH),
  firstAt: z.iso.datetime(),
  hash: z.string(),
  /** Hash of the last record; `start` while there is none. */
  head: z.string(),
  lastAt: z.iso.datetime(),
  /** Its first record has the sequence number `number * SEGMENT_LENGTH`. */
  number: natural,
  /** Hash of the record before the first one. */
  start: z.string(),
  tenantId: z.string(),
});
export type Segment = z.infer<typeof segmentSchema>;

export const recordId = (chain: string, seq: number): string => `${chain}-${seq}`;

/** Bounds a text and replaces control characters, format characters and lone surrogates, which could disguise or break output. */
export function plainText(text: string): string {
  return text
    .slice(0, MAX_LABEL_LENGTH)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
