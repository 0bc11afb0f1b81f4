import type { Actor } from '../../identity/access/actor.ts';
import type { Taken, TenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import { MAX_STREAMS_OF_CALLER } from '../protocol/limits.ts';

/**
 * The listening streams of clients at this instance. Where the platform does not report that a client has left, its stream goes on
 * to its time limit. So the oldest stream of a caller gives way to its newest one.
 */
export interface ClientStreams {
  /**
   * Opens a stream with `open`, to which it gives the function to call when the stream has ended. Closes the caller's oldest
   * stream when the caller has too many, or has some and no place is free. Returns why there is no place when the caller has
   * none to close.
   */
  open<Stream extends { readonly close: () => void }>(
    owner: Actor,
    open: (onClose: () => void) => Stream,
  ): { readonly kind: 'open'; readonly stream: Stream } | Exclude<Taken, { kind: 'taken' }>;
}

export function createClientStreams(places: TenantPlaces): ClientStreams {
  /** Functions that close the streams of each caller, oldest first. */
  const byCaller = new Map<string, (() => void)[]>();
  return {
    open({ tenantId, userId, clientId }, open) {
      const caller = JSON.stringify([tenantId, userId, clientId]);
      const own = byCaller.get(caller) ?? [];
      if (own.length >= MAX_STREAMS_OF_CALLER) own[0]?.();
      let place = places.take(tenantId);
      if (place.kind !== 'taken' && own.length > 0) {
        own[0]?.();
        place = places.take(tenantId);
      }
      if (place.kind !== 'taken') return place;
      const { leave } = place;
      const close = () => {
        stream.close();
      };
      const onClose = () => {
        leave();
        const at = own.indexOf(close);
        if (at !== -1) own.splice(at, 1);
        if (own.length === 0 && byCaller.get(caller) === own) byCaller.delete(caller);
      };
      const stream = open(onClose);
      own.push(close);
      byCaller.set(caller, own);
      return { kind: 'open', stream };
    },
  };
}
