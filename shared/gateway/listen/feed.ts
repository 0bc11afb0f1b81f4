import type { Trace } from '../../platform/telemetry/trace.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';
import type { Refresh } from '../catalogue/refresh.ts';
import type { View } from '../catalogue/view.ts';
import type { ClientEra } from '../protocol/clientEra.ts';
import type { JsonRpcNotification, JsonRpcRequest } from '../protocol/jsonRpc.ts';
import {
  FEED_POLL_MS,
  FEED_READY_TIMEOUT_MS,
  LISTEN_TIMEOUT_MS,
  MAX_FEED_BACKLOG,
} from '../protocol/limits.ts';
import { announcesChanges, changedList, type ChangingList, UPDATED } from '../protocol/notifications.ts';
import type { ReplyTo } from '../upstream/answer.ts';
import type { UpstreamCaller } from '../upstream/connection.ts';
import { type Connector, eraOf } from '../upstream/connector.ts';
import type { Subscription } from '../upstream/upstreamEra.ts';
import type { ClientStreams } from './clientStreams.ts';
import { followListChanges } from './listChanges.ts';
import { createListWatch } from './listWatch.ts';
import { createServerStreams } from './serverStreams.ts';

/** A server-initiated message for one client, with the names of its endpoint. */
export type FeedItem =
  | { readonly kind: 'notification'; readonly notification: JsonRpcNotification }
  | {
      readonly kind: 'request';
      readonly server: ActiveServer;
      readonly request: JsonRpcRequest;
      readonly replyTo: ReplyTo;
    };

export interface Feed {
  /** Resolves when all wanted streams are open, or cannot be opened now. */
  readonly ready: Promise<void>;
  /** Returns the next message; `undefined` after the timeout or the end of the session. */
  readonly next: () => Promise<FeedItem | undefined>;
  /**
   * Listens to a server before a call, because it may send a server request outside the stream of the call. Resolves when the
   * stream is open, or cannot be opened.
   */
  readonly listenDuringCall: (server: ActiveServer) => Promise<void>;
  readonly close: () => void;
}

export interface FeedDeps {
  readonly connector: Pick<Connector, 'listen'>;
  readonly refresh: Refresh;
  readonly streams: ClientStreams;
  /** Returns the version of the registry. */
  readonly version: (tenantId: string) => Promise<string | undefined>;
}

/**
 * Merges the server-initiated messages of the servers behind an endpoint. A list has changed when the client's list has: a
 * server's notification refreshes its record, and an equal list is not announced. `wanted` is called repeatedly, and `undefined`
 * ends the feed. `onClose` may be called more than once.
 */
export function openFeed(
  { connector, refresh, version }: FeedDeps,
  view: View,
  client: ClientEra,
  caller: UpstreamCaller,
  trace: Trace,
  wanted: () => Promise<Subscription | undefined>,
  onClose: () => void,
): Feed {
  const backlog: FeedItem[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  const calledServers = new Set<string>();
  const viewer = { client, capabilities: caller.capabilities ?? {} };
  const lists = createListWatch(view, viewer, () => version(caller.actor.tenantId));
  const listChanges = followListChanges(refresh, announceChanges, close);
  const streams = createServerStreams(
    (server, subscription, signal) => connector.listen(server, caller, subscription, trace, signal),
    (server, item) => {
      if (item.kind === 'request') emit({ ...item, server });
      else forward(server, item.notification);
      return Promise.resolve();
    },
    close,
  );

  function emit(item: FeedItem): void {
    backlog.push(item);
    if (backlog.length > MAX_FEED_BACKLOG) close();
    wake();
  }
  const notify = (notification: JsonRpcNotification) => {
    emit({ kind: 'notification', notification });
  };
  function close(): void {
    isOver = true;
    onClose();
    clearTimeout(polling);
    clearTimeout(ending);
    streams.close();
    wake();
  }

  async function announceChanges(unseen?: ReadonlySet<ChangingList>): Promise<void> {
    if (isOver) return;
    for (const notification of await lists.changed(await wanted(), unseen)) notify(notification);
  }

  function forward(server: ActiveServer, notification: JsonRpcNotification): void {
    const { method, params } = notification;
    const list = changedList(method);
    if (list !== undefined) listChanges(server, list);
    else if (method === UPDATED && typeof params?.['uri'] === 'string') {
      notify({ ...notification, params: { ...params, uri: view.showUri(server, params['uri']) } });
    } else if (caller.session) notify(notification);
  }

  async function poll(): Promise<void> {
    const want = await wanted();
    if (want === undefined) {
      close();
      return;
    }
    for (const notification of await lists.changed(want)) notify(notification);
    const servers = await view.servers();
    // The client may have left meanwhile. Nobody would close a stream that is opened now.
    if (isOver) return;
    const opening = servers.map((server) => {
      const uris = want.uris.get(server.slug) ?? [];
      const forLists = view.listensForLists && (want.tools || want.prompts || want.resources);
      const isCalled = calledServers.has(server.slug) || want.called.includes(server.slug);
      const era = eraOf(server.discovery);
      const forRequests =
        era.mayRequest(server.discovery, caller.session) && (view.listensForLists || isCalled);
      const forChanges = announcesChanges(server.discovery.capabilities) && (uris.length > 0 || forLists);
      if (!forRequests && !forChanges) {
        streams.stop(server);
        return Promise.resolve();
      }
      const subscription = forLists ? want : { ...want, tools: false, prompts: false, resources: false };
      return streams.start(server, subscription, era.streamKey(uris));
    });
    await Promise.race([Promise.all(opening), after(FEED_READY_TIMEOUT_MS)]);
  }

  let polling: NodeJS.Timeout | undefined;
  async function keepPolling(): Promise<void> {
    try {
      await poll();
    } catch {
      // The registry or the state does not answer. The open streams go on.
    }
    if (!isOver) polling = setTimeout(() => void keepPolling(), FEED_POLL_MS);
  }
  const ending = setTimeout(close, LISTEN_TIMEOUT_MS);
  const ready = keepPolling();

  return {
    ready,
    close,
    async listenDuringCall(server) {
      if (isOver || !eraOf(server.discovery).mayRequest(server.discovery, caller.session)) return;
      calledServers.add(server.slug);
      await Promise.race([streams.ensure(server, requestsOnly), after(FEED_READY_TIMEOUT_MS)]);
    },
    async next() {
      for (;;) {
        const item = backlog.shift();
        if (item !== undefined) return item;
        if (isOver) return undefined;
        await new Promise<void>((awake) => {
          wake = awake;
        });
      }
    },
  };
}

const requestsOnly: Subscription = {
  tools: false,
  prompts: false,
  resources: false,
  uris: new Map(),
  called: [],
};

function after(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}
