import type { JsonObject, RequestId } from '../../../gateway/protocol/jsonRpc.ts';
import type { OutboundClient } from '../../../platform/outbound/outboundClient.ts';
import { continueTrace, traceparentOf } from '../../../platform/telemetry/trace.ts';
import { type Exchanged, exchange, type ReadUntil, type Sent } from './exchange.ts';
import { type ListKind, type ListRun, listMethods, resultIn } from './transcript.ts';

/** Pages and items of one list that are read, and lists that are longer are cut. The gateway keeps 500 items. */
const MAX_PAGES = 10;
const MAX_ITEMS = 2_000;
/** Exchanges without an answer after which the rest is not tried: a server that hangs would hold us for minutes. */
const MAX_FAILURES = 2;
/** For one server, everything together. */
const RECORD_WITHIN_MS = 25_000;
const MAX_BYTES = 4 * 1024 * 1024;

export interface Request {
  readonly rpc: string;
  readonly params?: JsonObject;
  /** Given where the id itself is tried out. */
  readonly id?: RequestId;
  /** In place of those that every request of the era has; null leaves one out. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly until?: ReadUntil;
  /** Whether the answer may be compressed. It is read as it comes, so that only its size can be told. */
  readonly compressed?: boolean;
}

/** How a request of an era looks on the wire. */
export interface Wire {
  headersOf(rpc: string, params: JsonObject): Readonly<Record<string, string>>;
  paramsOf(params: JsonObject): JsonObject;
}

/** Sends what a transcript is made of, one after another, and keeps it by step. */
export interface Recorder {
  readonly steps: ReadonlyMap<string, Exchanged>;
  interrupted(): string | undefined;
  /** Undefined where it was not sent, since the server has stopped answering. */
  send(sent: Sent, until?: ReadUntil): Promise<Exchanged | undefined>;
  ask(step: string, request: Request, wire: Wire): Promise<Exchanged | undefined>;
  list(kind: ListKind, wire: Wire): Promise<ListRun>;
}

export const jsonHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;

export function createRecorder(
  outbound: OutboundClient,
  {
    url,
    traceId,
    signal: caller,
  }: { readonly url: string; readonly traceId: string; readonly signal: AbortSignal },
): Recorder {
  const traceparent = traceparentOf({ ...continueTrace(undefined), traceId });
  const within = AbortSignal.timeout(RECORD_WITHIN_MS);
  const signal = AbortSignal.any([caller, within]);
  const steps = new Map<string, Exchanged>();
  let failures = 0;
  let bytes = 0;
  let lastId = 0;
  /** Strings and integers in turn: a server has to give back either. */
  const nextId = (): RequestId => ((lastId += 1) % 2 === 0 ? lastId : `check-${lastId}`);

  const interrupted = () => {
    if (within.aborted) return `it took longer than ${RECORD_WITHIN_MS / 1000} seconds altogether`;
    if (caller.aborted) return 'the time for the task was over';
    if (bytes > MAX_BYTES) return `it answered with more than ${MAX_BYTES} bytes altogether`;
    return failures >= MAX_FAILURES ? `it gave no answer ${failures} times` : undefined;
  };

  const send: Recorder['send'] = async (sent, until) => {
    if (interrupted() !== undefined) return undefined;
    const traced = { ...sent, headers: { traceparent, ...sent.headers } };
    const exchanged = await exchange(outbound, url, traced, signal, until);
    if (exchanged.failure) failures += 1;
    bytes += exchanged.answer?.bytes ?? 0;
    steps.set(sent.step, exchanged);
    return exchanged;
  };

  const ask: Recorder['ask'] = (
    step,
    { rpc, params = {}, id = nextId(), headers = {}, until, compressed },
    wire,
  ) => {
    const sentParams = wire.paramsOf(params);
    const message = { jsonrpc: '2.0', id, method: rpc, params: sentParams };
    const all = { ...jsonHeaders, ...wire.headersOf(rpc, params), ...headers };
    const sent = {
      step,
      method: 'POST',
      headers: present(all),
      body: JSON.stringify(message),
      id,
      rpc,
      ...(compressed === true && { compressed }),
    } as const;
    return send(sent, until);
  };

  return {
    steps,
    interrupted,
    send,
    ask,
    async list(kind, wire) {
      const pages: Exchanged[] = [];
      const items: unknown[] = [];
      const seen = new Set<string>();
      let cursor: string | undefined;
      for (;;) {
        const step = pages.length === 0 ? `list ${kind}` : `list ${kind}, page ${pages.length + 1}`;
        const request = { rpc: listMethods[kind].method, params: cursor === undefined ? {} : { cursor } };
        const page = await ask(step, request, wire);
        const result = resultIn(page);
        if (page) pages.push(page);
        if (!result) return { pages, items, end: 'failed' };
        const listed: unknown = result[kind];
        const room = MAX_ITEMS - items.length;
        if (Array.isArray(listed)) items.push(...(listed.slice(0, room) as unknown[]));
        if (Array.isArray(listed) && listed.length > room) return { pages, items, end: 'cut' };
        const next = result['nextCursor'];
        if (typeof next !== 'string') return { pages, items, end: 'complete' };
        if (seen.has(next)) return { pages, items, end: 'looped' };
        if (pages.length === MAX_PAGES) return { pages, items, end: 'cut' };
        seen.add(next);
        cursor = next;
      }
    },
  };
}

function present(headers: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
