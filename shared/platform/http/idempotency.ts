import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../base/clock.ts';
import type { IdSource } from '../base/ids.ts';
import { canonicalJson } from '../base/json.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import type { Replacement, Stored } from '../tables/tables.ts';

/** Matches an `Idempotency-Key`. */
export const idempotencyKeyPattern = /^[\x21-\x7e]{1,200}$/;
export const IDEMPOTENCY_KEY_RULE = 'must be 1 to 200 visible ASCII characters';

const KEY_LIFETIME_MS = 24 * 3_600_000;
/** Longer than the handling of any request. After this time the instance that handled it has died. */
const BUSY_MS = 60_000;
/** The time after which a client should repeat a request that is still being handled. */
const RETRY_AFTER_MS = 1_000;
/** Characters of JSON. A longer answer does not fit into a row. */
const MAX_ANSWER_LENGTH = 400_000;

const keptAnswerSchema = z.object({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown().optional(),
});
export type KeptAnswer = z.infer<typeof keptAnswerSchema>;

/** The record of one idempotency key of one caller. */
export const usedKeySchema = z.object({
  /** Hash of tenant, caller and key. */
  id: z.string(),
  /** The operation in words, such as `PUT /servers/{slug}`. */
  operation: z.string(),
  /** Hash of operation, resource, condition and body. A repetition has the same. */
  digest: z.string(),
  /** The id of the request. The resource that it creates has the same id, so a repetition finds it. */
  requestId: z.string(),
  /** The handler of the request. No other handler may take the request before `busyUntil`. */
  handler: z.string(),
  busyUntil: z.iso.datetime(),
  /** The answer of a request that is not to be handled again. */
  answer: keptAnswerSchema.optional(),
  expiresAt: z.iso.datetime(),
});
export type UsedKey = z.infer<typeof usedKeySchema>;

/** Stores used idempotency keys for a day. A failure of the store is thrown. */
export interface IdempotencyStore {
  find(id: string): Promise<Stored<UsedKey> | undefined>;
  add(key: UsedKey): Promise<'inserted' | 'exists'>;
  replace(key: UsedKey, etag: string): Promise<Replacement>;
  /** Removes keys that have expired, at most 20,000 a call. */
  purge(now: Date): Promise<void>;
}

export interface IdempotencyDeps {
  readonly idempotencyKeys: IdempotencyStore;
  readonly clock: Clock;
  readonly newId: IdSource;
}

/** A request with its key. */
export interface KeyedRequest {
  readonly tenantId: string;
  readonly userId: string;
  readonly key: string;
  readonly operation: string;
  /** The parts of the request that decide its effect, as JSON. */
  readonly content: unknown;
  /**
   * Whether a repetition may be handled while the first request still is: it then finds the resource that the first one creates.
   */
  readonly isResumable: boolean;
}

/** The key belongs to this request: handle it, or return the stored answer. */
export type Claimed =
  | { readonly kind: 'handle'; readonly requestId: string; readonly used: UsedKey }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer };

const hash = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex');

/**
 * Claims an idempotency key for a request: the first one has it for a day. Failure: `already_exists` for a key of another
 * request, and while the first sending of this one is still being handled. The claim is stored before the request is handled.
 * When the handler dies, a repetition is handled under the same `requestId`.
 */
export async function claimKey(
  request: KeyedRequest,
  { idempotencyKeys: store, clock, newId }: IdempotencyDeps,
): Promise<Result<Claimed>> {
  const { tenantId, userId, key, operation, content } = request;
  const id = hash([tenantId, userId, key]);
  const digest = hash([operation, content]);
  const handler = newId();
  for (;;) {
    const stored = await store.find(id);
    const now = clock.now();
    const before = stored && Date.parse(stored.value.expiresAt) > now.getTime() ? stored.value : undefined;
    if (before && before.digest !== digest) return otherRequest(before, operation);
    if (before?.answer) return succeed({ kind: 'answered', answer: before.answer });
    // After a write whose answer was lost, the row is this handler's own.
    if (before && (request.isResumable || before.handler === handler)) return handle(before);
    if (before && Date.parse(before.busyUntil) > now.getTime()) return busy;
    const used: UsedKey = {
      ...(before ?? { id, operation, digest, requestId: newId(), expiresAt: after(now, KEY_LIFETIME_MS) }),
      handler,
      busyUntil: after(now, BUSY_MS),
    };
    const isWritten = stored
      ? (await store.replace(used, stored.etag)).status === 'replaced'
      : (await store.add(used)) === 'inserted';
    if (isWritten) return handle(used);
  }
}

/** Ends a claim. Stores the answer, if any; without one the next repetition is handled. Another handler's claim stays. */
export async function endClaim(
  used: UsedKey,
  answer: KeptAnswer | undefined,
  { idempotencyKeys: store, clock }: IdempotencyDeps,
): Promise<void> {
  const stored = await store.find(used.id);
  if (stored?.value.handler !== used.handler) return;
  const ended = {
    ...used,
    busyUntil: clock.now().toISOString(),
    ...(answer && { answer: keepable(answer) }),
  };
  await store.replace(ended, stored.etag);
}

/** Drops a body that must not be stored (RFC 9111, section 5.2.2.5) or that a row has no room for. */
function keepable({ body, ...head }: KeptAnswer): KeptAnswer {
  const isKept =
    head.headers['cache-control'] !== 'no-store' && JSON.stringify(body ?? null).length <= MAX_ANSWER_LENGTH;
  return isKept ? { ...head, body } : head;
}

const handle = (used: UsedKey): Result<Claimed> =>
  succeed({ kind: 'handle', requestId: used.requestId, used });

function otherRequest(before: UsedKey, operation: string): Result<never> {
  const what =
    before.operation === operation
      ? `${operation} with another resource, condition or body`
      : `another operation, ${before.operation}`;
  return refused(
    `this Idempotency-Key was used for ${what}: send a new key with a new request; a key is free again after a day`,
    { message: 'was used for another request' },
  );
}

const busy: Result<never> = refused(
  'the first request with this Idempotency-Key is still being handled: send it again in a moment',
  { message: 'is in use', retryAfterMs: RETRY_AFTER_MS },
);

function refused(
  message: string,
  { message: problem, retryAfterMs }: { readonly message: string; readonly retryAfterMs?: number },
): Result<never> {
  return fail({
    kind: 'already_exists',
    message,
    errors: [{ path: 'Idempotency-Key', message: problem }],
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

const after = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();
