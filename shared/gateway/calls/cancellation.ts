import { createHash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { idForServer, type RequestId, toId } from '../protocol/jsonRpc.ts';
import { CANCEL_KEPT_MS, CANCEL_POLL_MS } from '../protocol/limits.ts';

/** A running request that its client can cancel. */
export interface Running {
  /** Aborts when the client cancels the request or leaves. */
  readonly signal: AbortSignal;
  /** Whether the client has cancelled it by a notification. */
  readonly isCancelled: () => boolean;
  /** Marks the request as answered. A later cancellation has no effect. */
  readonly end: () => void;
}

/** Cancellations of sessions' requests (2025-11-25, utilities/cancellation). */
export interface Cancellations {
  /** Tracks a request of this instance. `outer` aborts when the client leaves. */
  track(session: string, id: RequestId, outer: AbortSignal): Running;
  /**
   * Cancels the request with this id, on any instance. Another instance learns of it within about a second. An unknown id, and
   * that of an answered request, has no effect. The id may be a text although the request's id was a number, and vice versa.
   */
  receive(session: string, id: unknown): Promise<void>;
}

interface Tracked {
  readonly session: string;
  readonly id: RequestId;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly controller: AbortController;
}

/** Why a request's signal aborts when its client cancels it by a notification. */
const CANCELLED = new DOMException('The client cancelled the request.', 'AbortError');

export function createCancellations({
  state,
  clock,
}: {
  readonly state: Pick<StateStore, 'get' | 'set'>;
  readonly clock: Clock;
}): Cancellations {
  const running = new Map<string, Tracked>();
  const now = () => clock.now().getTime();
  const keyOf = (session: string, id: RequestId) => `${session} ${JSON.stringify(id)}`;

  let polling: NodeJS.Timeout | undefined;
  /** One timer serves all requests. */
  async function poll(): Promise<void> {
    const isLong = ({ since }: Tracked) => now() - since >= CANCEL_POLL_MS;
    await Promise.all([...running.values()].filter(isLong).map(cancelIfAsked));
    polling = running.size > 0 ? setTimeout(() => void poll(), CANCEL_POLL_MS).unref() : undefined;
  }
  async function cancelIfAsked({ session, id, since, controller }: Tracked): Promise<void> {
    // During an outage of the state, a client can cancel by leaving.
    const cancelledAt = await state.get(stateKeyOf(session, id)).catch(() => undefined);
    // An earlier cancellation was for another request with this id.
    if (Number(cancelledAt ?? 0) >= since) controller.abort(CANCELLED);
  }

  return {
    track(session, id, outer) {
      const key = keyOf(session, id);
      const controller = new AbortController();
      const tracked = { session, id, since: now(), controller };
      running.set(key, tracked);
      polling ??= setTimeout(() => void poll(), CANCEL_POLL_MS).unref();
      // `AbortSignal.any` costs far more than a listener.
      const leave = () => {
        controller.abort();
      };
      outer.addEventListener('abort', leave, { once: true });
      if (outer.aborted) leave();
      return {
        signal: controller.signal,
        isCancelled: () => controller.signal.reason === CANCELLED,
        end: () => {
          outer.removeEventListener('abort', leave);
          if (running.get(key) === tracked) running.delete(key);
        },
      };
    },
    async receive(session, id) {
      const known = toId(id);
      if (known === undefined) return;
      const here = running.get(keyOf(session, known)) ?? running.get(keyOf(session, otherForm(known)));
      if (here) here.controller.abort(CANCELLED);
      else await state.set(stateKeyOf(session, known), String(now()), CANCEL_KEPT_MS);
    },
  };
}

/** Returns the id as the other JSON type: a number as a text, and the text of a number as that number. */
const otherForm = (id: RequestId): RequestId =>
  typeof id === 'string' ? Number(id) : String(idForServer(id));

/** An id may be longer than a key of the state. */
const stateKeyOf = (session: string, id: RequestId): string =>
  `mreg:mcp:cancelled:${session}:${createHash('sha256')
    .update(String(idForServer(id)))
    .digest('base64url')}`;
