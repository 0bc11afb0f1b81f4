import type { ActiveServer } from '../catalogue/catalogue.ts';
import { FEED_RETRY_MS } from '../protocol/limits.ts';
import { UpstreamFault } from '../upstream/fault.ts';
import type { ServerInitiated, Subscription } from '../upstream/upstreamEra.ts';

/** The listening streams of one feed: at most one for each server. */
export interface ServerStreams {
  /** Opens the stream of a server, unless one with this key is open. Resolves when it is ready, or has ended. */
  start(server: ActiveServer, wanted: Subscription, key: string): Promise<void>;
  /** Opens the stream of a server, unless it has one. Resolves when it is ready, or has ended. */
  ensure(server: ActiveServer, wanted: Subscription): Promise<void>;
  stop(server: ActiveServer): void;
  close(): void;
}

interface ServerStream {
  readonly key: string;
  readonly abort: AbortController;
  readonly ready: Promise<void>;
  endedAt?: number;
}

type Message = Exclude<ServerInitiated, { kind: 'ready' }>;

/** A stream that ends is opened again after a delay. `onFault` is called for a fault of the gateway, not of a server. */
export function createServerStreams(
  listen: (
    server: ActiveServer,
    wanted: Subscription,
    signal: AbortSignal,
  ) => AsyncGenerator<ServerInitiated, void, undefined>,
  onMessage: (server: ActiveServer, message: Message) => Promise<void>,
  onFault: () => void,
): ServerStreams {
  const streams = new Map<string, ServerStream>();

  function open(server: ActiveServer, wanted: Subscription, key: string): Promise<void> {
    const abort = new AbortController();
    const { promise: ready, resolve } = Promise.withResolvers<undefined>();
    const stream: ServerStream = { key, abort, ready };
    streams.set(server.slug, stream);
    void (async () => {
      let hasNoStream = false;
      try {
        for await (const item of listen(server, wanted, abort.signal)) {
          if (item.kind === 'ready') resolve(undefined);
          else await onMessage(server, item);
        }
      } catch (error) {
        if (!(error instanceof UpstreamFault) && streams.get(server.slug) === stream) onFault();
        // With 405 a server says that it never offers such a stream.
        hasNoStream = error instanceof UpstreamFault && error.status === 405;
      }
      stream.endedAt = hasNoStream ? Infinity : performance.now();
      resolve(undefined);
    })();
    return ready;
  }

  return {
    start(server, wanted, key) {
      const known = streams.get(server.slug);
      const isDue = known?.endedAt !== undefined && performance.now() - known.endedAt > FEED_RETRY_MS;
      if (known?.key === key && !isDue) return Promise.resolve();
      known?.abort.abort();
      return open(server, wanted, key);
    },
    ensure: (server, wanted) => streams.get(server.slug)?.ready ?? open(server, wanted, ''),
    stop(server) {
      streams.get(server.slug)?.abort.abort();
    },
    close() {
      for (const { abort } of streams.values()) abort.abort();
    },
  };
}
