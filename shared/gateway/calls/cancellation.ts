import type { JsonRpcNotification, RequestId } from '../protocol/jsonRpc.ts';

/** Requests of sessions that this instance is answering, so that their clients can cancel them (2025-11-25, utilities/cancellation). */
export interface InFlight {
  /** Aborted when the client cancels the request, or `outer` is. `end` says that it has been answered. */
  begin(
    session: string,
    id: RequestId,
    outer: AbortSignal,
  ): { readonly signal: AbortSignal; readonly end: () => void };
  /** A client says something that may be a cancellation. One for a request that another instance answers is not heard. */
  hear(session: string, notification: JsonRpcNotification): void;
}

export function createInFlight(): InFlight {
  const running = new Map<string, AbortController>();
  const keyOf = (session: string, id: unknown) => `${session} ${JSON.stringify(id)}`;
  return {
    begin(session, id, outer) {
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
    hear(session, { method, params }) {
      if (method === 'notifications/cancelled') running.get(keyOf(session, params?.['requestId']))?.abort();
    },
  };
}
