import type { Actor } from '../../identity/access/actor.ts';
import { createTenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { metaOf } from '../protocol/envelope.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcRequest, type Outcome } from '../protocol/jsonRpc.ts';
import {
  CALL_TIMEOUT_MS,
  MAX_HELD_CALLS,
  MAX_HELD_CALLS_OF_CALLER,
  PERSON_TIMEOUT_MS,
} from '../protocol/limits.ts';
import { modernClient } from '../protocol/modernClient.ts';
import {
  type Answer,
  type AnswerItem,
  type Items,
  nextItem,
  outcomeOf,
  type ReplyTo,
} from '../upstream/answer.ts';
import { type Connection, TIMED_OUT, type UpstreamCall } from '../upstream/connection.ts';
import { passing } from '../upstream/passing.ts';
import { closeToken, openToken } from './clientToken.ts';
import {
  errorOf,
  inputRequired,
  KEY,
  NO_LONGER_HELD,
  rejected,
  subjectOf,
  TOO_MANY,
} from './inputRequired.ts';
import { resumeElsewhere } from './resumeElsewhere.ts';
import type { ServerRequests } from './serverRequests.ts';
import { pagesToOpen } from './urlElicitation.ts';

/** A server request of a legacy server. */
export interface Asked {
  readonly request: JsonRpcRequest;
  readonly replyTo: ReplyTo;
}

/** Whose call is held, and at which server. */
export interface Holder {
  readonly actor: Actor;
  readonly slug: string;
  /** The capabilities of the client. */
  readonly capabilities: JsonObject;
  /** Sends the client's answer to the server. @throws UpstreamFault */
  readonly deliver: (asked: Asked, outcome: Outcome, signal: AbortSignal) => Promise<void>;
}

/**
 * Calls of modern clients to legacy servers that have sent a server request. Such a server waits in the middle of its answer, and
 * such a client answers with a new call (2026-07-28, multi-round-trip requests). So the instance that made the call keeps the
 * server's stream, for 210 seconds at most, and any instance takes the new call.
 *
 * The states of a call: it runs; it is held, with a marker in the shared state; it runs again, for a retry at this instance, or at
 * the one other instance that could delete the marker; it ends with the server's answer, or is cancelled at the server after the
 * 210 seconds.
 */
export interface HeldCalls {
  /** Returns the connection to a legacy server as a connection to a modern one: server requests are in its results. */
  bridge(connection: Connection, holder: Holder): Connection;
}

/** A call whose stream this instance reads. */
interface Running {
  readonly call: UpstreamCall;
  readonly holder: Holder;
  readonly items: Items;
  readonly upstream: AbortController;
  readonly translate: (outcome: Outcome) => Outcome;
}
interface Held {
  readonly running: Running;
  readonly asked: Asked;
  /** Gives back its places and stops the wait for an answer from another instance. */
  readonly release: () => void;
}

export function createHeldCalls({
  state,
  seal,
  serverRequests,
  tenants,
}: {
  readonly state: Pick<StateStore, 'set' | 'delete'>;
  readonly seal: Seal;
  readonly serverRequests: Pick<ServerRequests, 'wait' | 'answer' | 'withdraw'>;
  readonly tenants: number;
}): HeldCalls {
  const here = new Map<string, Held>();
  const places = createTenantPlaces(MAX_HELD_CALLS, tenants);
  const placesOfCaller = createTenantPlaces(MAX_HELD_CALLS_OF_CALLER, 1);
  const markerOf = (ticket: string) => `mreg:mcp:held:${ticket}`;

  /** Returns the function that gives the places back; `undefined` when all are taken. */
  function takePlaces({ tenantId, userId, clientId }: Actor): (() => void) | undefined {
    const own = placesOfCaller.take(tenantId, JSON.stringify([tenantId, userId, clientId]));
    if (own.kind !== 'taken') return undefined;
    const taken = places.take(tenantId);
    if (taken.kind === 'taken')
      return () => {
        own.leave();
        taken.leave();
      };
    own.leave();
    return undefined;
  }

  /** Holds a call. Returns the result that asks the client; `undefined` when too many calls are held. */
  async function hold(running: Running, asked: Asked): Promise<JsonObject | undefined> {
    const { call, holder } = running;
    const leave = takePlaces(holder.actor);
    if (leave === undefined) return undefined;
    const waiting = new AbortController();
    const { ticket, answer } = serverRequests.wait(waiting.signal);
    const release = () => {
      here.delete(ticket);
      waiting.abort();
      leave();
    };
    here.set(ticket, { running, asked, release });
    void answer
      .catch(() => undefined)
      .then((given) => resumeFor(ticket, given))
      // The state does not answer, so the other instance gives up by itself.
      .catch(() => undefined);
    try {
      await state.set(markerOf(ticket), 'held', PERSON_TIMEOUT_MS);
    } catch (error) {
      release();
      throw error;
    }
    const { slug } = holder;
    const content = { ticket, slug, method: call.method, subject: subjectOf(call) };
    return inputRequired(asked.request, closeToken(seal, 'held_call', holder.actor, content));
  }

  /** Goes on with a held call for another instance, or ends it when no answer came in time. */
  async function resumeFor(ticket: string, given: Outcome | undefined): Promise<void> {
    const held = here.get(ticket);
    held?.release();
    const { replyTo, inputResponses } = given && 'result' in given ? given.result : {};
    if (typeof replyTo !== 'string') {
      held?.running.upstream.abort();
      return;
    }
    if (held === undefined) {
      await serverRequests.answer(replyTo, NO_LONGER_HELD);
      return;
    }
    const { running } = held;
    const timer = setTimeout(() => {
      running.upstream.abort(TIMED_OUT);
    }, CALL_TIMEOUT_MS);
    const outcome = await outcomeOf({
      kind: 'stream',
      items: goOn(running, held.asked, inputResponses),
    }).catch((error: unknown) => ({ error: errorOf(error, running.holder.slug) }));
    clearTimeout(timer);
    if ((await serverRequests.answer(replyTo, outcome)) === 'taken') return;
    const message = 'The answer is too long to be passed on between instances.';
    await serverRequests.answer(replyTo, { error: toJsonRpcError({ kind: 'too_large', message }) });
  }

  /** Reads the answer of a call until its outcome or a server request, which holds the call. */
  async function* untilAsked(running: Running): AsyncGenerator<AnswerItem, void, undefined> {
    const { call, holder, items, translate, upstream } = running;
    const { progressToken } = metaOf(call.params);
    for (;;) {
      const item = await nextItem(items);
      if (item.kind === 'outcome') {
        await items.return();
        yield { kind: 'outcome', outcome: translate(item.outcome) };
        return;
      }
      if (item.kind === 'notification') {
        const { notification } = item;
        // A client may have given its new call another token.
        const params = { ...notification.params, progressToken };
        const isProgress = notification.method === 'notifications/progress';
        yield isProgress ? { kind: 'notification', notification: { ...notification, params } } : item;
        continue;
      }
      const result = await hold(running, item);
      if (result) {
        yield { kind: 'outcome', outcome: { result } };
        return;
      }
      await holder.deliver(item, { error: TOO_MANY }, upstream.signal);
    }
  }

  /** Gives the server its answer and reads on. Without an answer, asks the client again. */
  async function* goOn(
    running: Running,
    asked: Asked,
    inputResponses: unknown,
  ): AsyncGenerator<AnswerItem, void, undefined> {
    const { holder, upstream } = running;
    try {
      const given = isObject(inputResponses) ? inputResponses[KEY] : undefined;
      const again = isObject(given) ? undefined : await hold(running, asked);
      if (again) {
        yield { kind: 'outcome', outcome: { result: again } };
        return;
      }
      const outcome = isObject(given) ? { result: given } : { error: TOO_MANY };
      await holder.deliver(asked, outcome, upstream.signal);
      yield* untilAsked(running);
    } catch (error) {
      upstream.abort();
      throw error;
    }
  }

  /** Goes on with the call that a `requestState` names. */
  async function resume(call: UpstreamCall, holder: Holder, signal: AbortSignal): Promise<Answer> {
    const { requestState, inputResponses } = call.params;
    const sealed = typeof requestState === 'string' ? requestState : '';
    const { ticket, slug, method, subject } = openToken(seal, 'held_call', holder.actor, sealed) ?? {};
    const isOwn = slug === holder.slug && method === call.method && subject === subjectOf(call);
    if (typeof ticket !== 'string' || !isOwn)
      return rejected('params.requestState is not the one that an earlier answer to this request gave you.');
    const held = here.get(ticket);
    if (held === undefined) {
      if ((await state.delete(markerOf(ticket))) === 'absent')
        return { kind: 'whole', outcome: NO_LONGER_HELD };
      return { kind: 'stream', items: resumeElsewhere(ticket, inputResponses, serverRequests, signal) };
    }
    // During an outage the marker may stay. It leads other instances here, where the call is no longer held.
    state.delete(markerOf(ticket)).catch(() => undefined);
    held.release();
    const running = { ...held.running, call, holder };
    return { kind: 'stream', items: linked(goOn(running, held.asked, inputResponses), running, signal) };
  }

  return {
    bridge: (connection, holder) => ({
      era: 'modern',
      usesMrtr: true,
      async request(call, signal) {
        if (call.params['requestState'] !== undefined) return resume(call, holder, signal);
        const upstream = new AbortController();
        const unlink = link(signal, upstream);
        const translate = (outcome: Outcome) =>
          pagesToOpen(outcome, holder.capabilities) ??
          modernClient.translate[connection.era](outcome, call.method);
        try {
          const answer = await connection.request(call, upstream.signal);
          if (answer.kind === 'whole') return { kind: 'whole', outcome: translate(answer.outcome) };
          const running = { call, holder, items: answer.items, upstream, translate };
          return { kind: 'stream', items: linked(untilAsked(running), running, signal) };
        } finally {
          unlink();
        }
      },
    }),
  };
}

/** Returns the items of a call. Until they end, the abort of `signal` ends the call. */
const linked = (items: Items, { upstream }: Running, signal: AbortSignal): Items =>
  passing(items, (item) => item, link(signal, upstream));

/** Returns the function that ends the link. */
function link(from: AbortSignal, to: AbortController): () => void {
  const abort = () => {
    to.abort(from.reason);
  };
  if (from.aborted) abort();
  from.addEventListener('abort', abort, { once: true });
  return () => {
    from.removeEventListener('abort', abort);
  };
}
