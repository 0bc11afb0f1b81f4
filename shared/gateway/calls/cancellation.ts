import { type JsonRpcNotification, type RequestId, toId } from '../protocol/jsonRpc.ts';

/** The running requests of sessions on this instance, which their clients can cancel (2025-11-25, utilities/cancellation). */
export interface Cancellations {
  /** Returns a signal that aborts when the client cancels the request or `outer` aborts. `end` marks the request as answered. */
  track(
    session: string,
    id: RequestId,
    outer: AbortSignal,
  ): { readonly signal: AbortSignal; readonly end: () => void };
  /** Cancels the request that a notification names. It has no effect on a request that another instance answers. */
  receive(session: string, notification: JsonRpcNotification): void;
}

export function createCancellations(): Cancellations {
  const running = new Map<string, AbortController>();
  const keyOf = (session: string, id: unknown) => `${session} ${JSON.stringify(toId(id))}`;
  return {
    track(session, id, outer) {
      const key = keyOf(session, id);
      const controller = new AbortController();
      running.set(key, controller);
      return {
        signal: AbortSignal.any([outer, controller.signal]),
        end: () => {
          if (running.get(key) === controller) running.delete(key);
        },
      };
    },
    receive(session, { method, params }) {
      if (method === 'notifications/cancelled') running.get(keyOf(session, params?.['requestId']))?.abort();
    },
  };
}
