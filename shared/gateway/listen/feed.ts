import type { TenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { JsonObject, JsonRpcNotification, JsonRpcRequest } from '../protocol/jsonRpc.ts';
import type { ReplyTo } from '../upstream/answer.ts';
import type { Connector } from '../upstream/connector.ts';
import type { Caller } from '../upstream/connection.ts';
import { UpstreamFault } from '../upstream/fault.ts';
import type { Guard } from '../upstream/protection.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';
import type { ListKind, View } from '../catalogue/view.ts';
import {
  changedList,
  LISTEN_WITHIN_MS,
  mayAskUnasked,
  speaksUnasked,
  UPDATED,
  type Wanted,
} from '../upstream/subscription.ts';
import type { Refresh } from '../catalogue/refresh.ts';
import { upstreamEvents } from '../upstream/serverInitiated.ts';

/** What one client hears, in the names of its endpoint. */
export type Heard =
  | { readonly kind: 'notification'; readonly notification: JsonRpcNotification }
  | {
      readonly kind: 'request';
      readonly server: ActiveServer;
      readonly request: JsonRpcRequest;
      readonly replyTo: ReplyTo;
    };

export interface Hub {
  /** Resolves when all that is wanted is listened to, or cannot be now. */
  readonly ready: Promise<void>;
  /** The next thing to hear; undefined when the time is over or nobody is to hear any more. */
  readonly next: () => Promise<Heard | undefined>;
  /**
   * A server is about to be called, and may ask the client beside the stream of the call: resolves when such a question
   * will be heard, or cannot be.
   */
  readonly attend: (server: ActiveServer) => Promise<void>;
  readonly close: () => void;
}

export interface HubDeps {
  readonly connector: Connector;
  readonly refresh: Refresh;
  readonly guard: Pick<Guard, 'takeStream'>;
  /** Places of the event streams that clients have open at this instance. */
  readonly streams: TenantPlaces;
  /** Names the state of the registry. */
  readonly version: (tenantId: string) => Promise<string | undefined>;
}

/** How soon a change by another instance is heard of. */
const LOOK_EVERY_MS = 2_000;
const READY_WITHIN_MS = 5_000;
/** A client that does not read is not worth more memory; it lists anew when it comes back. */
const MAX_WAITING = 500;
/** Before a server whose stream ended is listened to again. */
const AGAIN_AFTER_MS = 10_000;

/**
 * Brings together what the servers behind an endpoint say unasked. A list has changed when the registry's has: what a server
 * says of its own list first brings the registry up to date. `wanted` is asked again and again; undefined ends it. `onClose` may
 * be called more than once.
 */
export function openHub(
  { connector, refresh, guard, version }: HubDeps,
  view: View,
  caller: Caller,
  trace: Trace,
  wanted: () => Promise<Wanted | undefined>,
  onClose: () => void,
): Hub {
  const waiting: Heard[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  const sources = new Map<string, Source>();
  const attended = new Set<string>();
  let seenVersion: string | undefined;
  let seenLists = new Map<ListKind, string>();

  function say(heard: Heard): void {
    waiting.push(heard);
    if (waiting.length > MAX_WAITING) close();
    wake();
  }
  function close(): void {
    isOver = true;
    onClose();
    clearTimeout(looking);
    clearTimeout(ending);
    for (const { abort } of sources.values()) abort.abort();
    wake();
  }

  /** Listens to one server until its stream ends. Resolves when nothing is missed any more. */
  function listen(server: ActiveServer, want: Wanted, key: string): Promise<void> {
    const abort = new AbortController();
    let ready: () => void = () => undefined;
    const opening = new Promise<void>((done) => {
      ready = done;
    });
    const source: Source = { key, abort, ready: opening };
    sources.set(server.slug, source);
    void (async () => {
      let leave: () => void = () => undefined;
      let isRefused = false;
      try {
        leave = guard.takeStream(caller.principal.tenantId, server);
        for await (const item of upstreamEvents(connector, server, caller, want, abort.signal, trace)) {
          if (item.kind === 'ready') ready();
          else if (item.kind === 'request') say({ ...item, server });
          else await hear(server, item.notification);
        }
      } catch (error) {
        // A server that cannot be listened to is tried again; a fault of ours must not end the others' streams.
        if (!(error instanceof UpstreamFault) && sources.get(server.slug) === source) close();
        // That it offers no such stream, a server says once and for all.
        isRefused = error instanceof UpstreamFault && error.status === 405;
      }
      leave();
      source.endedAt = isRefused ? Infinity : performance.now();
      ready();
    })();
    return opening;
  }

  async function hear(server: ActiveServer, notification: JsonRpcNotification): Promise<void> {
    const { method, params } = notification;
    const list = changedList(method);
    if (list !== undefined) {
      await refresh(server);
      const want = await wanted();
      if (want?.[list] === true) say({ kind: 'notification', notification });
      await lookAtLists(false);
    } else if (method === UPDATED && typeof params?.['uri'] === 'string') {
      const shown = { ...params, uri: view.showUri(server, params['uri']) };
      say({ kind: 'notification', notification: { ...notification, params: shown } });
    } else if (caller.session) say({ kind: 'notification', notification });
  }

  /** Compares the lists with those seen before, when the registry has changed at all. */
  async function lookAtLists(tell: boolean): Promise<void> {
    const now = await version(caller.principal.tenantId);
    if (now === seenVersion) return;
    seenVersion = now;
    const want = await wanted();
    const fresh = await view.current();
    const lists = new Map<ListKind, string>();
    for (const kind of ['tools', 'prompts', 'resources'] as const) {
      if (want?.[kind] !== true) continue;
      lists.set(kind, JSON.stringify(await fresh?.list(kind, caller.session ? 'legacy' : 'modern')));
      if (tell && lists.get(kind) !== seenLists.get(kind)) {
        const method = `notifications/${kind}/list_changed`;
        say({ kind: 'notification', notification: { jsonrpc: '2.0', method } });
      }
    }
    seenLists = lists;
  }

  async function look(isFirst: boolean): Promise<void> {
    const want = await wanted();
    if (want === undefined) {
      close();
      return;
    }
    await lookAtLists(!isFirst);
    const opened: Promise<void>[] = [];
    const servers = await view.servers();
    // The client may have left meanwhile: nobody would end what is opened now.
    if (isOver) return;
    for (const server of servers) {
      const uris = want.uris.get(server.slug) ?? [];
      const forLists = view.hearsListsOfServers && (want.tools || want.prompts || want.resources);
      const known = sources.get(server.slug);
      const isCalled = attended.has(server.slug) || want.called.includes(server.slug);
      const forQuestions =
        mayAskUnasked(server.discovery, caller.session) && (view.hearsListsOfServers || isCalled);
      const forChanges = speaksUnasked(server.discovery.capabilities) && (uris.length > 0 || forLists);
      if (!forQuestions && !forChanges) {
        known?.abort.abort();
        continue;
      }
      // In the legacy era a subscription is made in the session, and needs no other stream.
      const key = server.discovery.era === 'modern' ? JSON.stringify(uris) : '';
      const isDue = known?.endedAt !== undefined && performance.now() - known.endedAt > AGAIN_AFTER_MS;
      if (known?.key === key && !isDue) continue;
      known?.abort.abort();
      const lists = forLists ? want : { ...want, tools: false, prompts: false, resources: false };
      opened.push(listen(server, lists, key));
    }
    await Promise.race([Promise.all(opened), after(READY_WITHIN_MS)]);
  }

  let looking: NodeJS.Timeout | undefined;
  async function keepLooking(isFirst: boolean): Promise<void> {
    try {
      await look(isFirst);
    } catch {
      // The registry or the state does not answer: what is listened to goes on.
    }
    if (!isOver) looking = setTimeout(() => void keepLooking(false), LOOK_EVERY_MS);
  }
  const ending = setTimeout(close, LISTEN_WITHIN_MS);
  const ready = keepLooking(true);

  return {
    ready,
    close,
    async attend(server) {
      if (isOver || !mayAskUnasked(server.discovery, caller.session)) return;
      attended.add(server.slug);
      const opening = sources.get(server.slug)?.ready ?? listen(server, nothing, '');
      await Promise.race([opening, after(READY_WITHIN_MS)]);
    },
    async next() {
      for (;;) {
        const heard = waiting.shift();
        if (heard !== undefined) return heard;
        if (isOver) return undefined;
        await new Promise<void>((awake) => {
          wake = awake;
        });
      }
    },
  };
}

/** One server's stream. */
interface Source {
  readonly key: string;
  readonly abort: AbortController;
  readonly ready: Promise<void>;
  endedAt?: number;
}

const nothing: Wanted = { tools: false, prompts: false, resources: false, uris: new Map(), called: [] };

function after(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}

/** The lists that a client can hear of, by what its endpoint says of itself. */
export function hearable(capabilities: JsonObject): Pick<Wanted, 'tools' | 'prompts' | 'resources'> {
  const changes = (name: string) => {
    const capability = capabilities[name];
    return (
      typeof capability === 'object' &&
      capability !== null &&
      'listChanged' in capability &&
      capability.listChanged === true
    );
  };
  return { tools: changes('tools'), prompts: changes('prompts'), resources: changes('resources') };
}
