import type { JsonObject, RequestId } from '../../../gateway/protocol/jsonRpc.ts';
import type { OutboundClient } from '../../../platform/outbound/outboundClient.ts';
import { continueTrace, traceparentOf } from '../../../platform/telemetry/trace.ts';
import { exchange, type Exchanged, type ReadUntil, type Sent } from './exchange.ts';
import {
  type ListKind,
  listMethods,
  type ListRun,
  resultIn,
  type Scope,
  type Transcript,
} from './transcript.ts';

/** How many pages and items of one list are read; a longer list is cut. The gateway itself keeps 500 items. */
const MAX_PAGES = 10;
const MAX_ITEMS = 2_000;
/** After this many exchanges without an answer the recording stops: a server that hangs would cost minutes. */
const MAX_FAILURES = 2;
/** Time limit for all exchanges with one server. */
const RECORD_WITHIN_MS = 25_000;
const MAX_BYTES = 4 * 1024 * 1024;

export interface Request {
  readonly rpc: string;
  readonly params?: JsonObject;
  /** Set where the id itself is tested; generated otherwise. */
  readonly id?: RequestId;
  /** Replace the headers that every request of the era has; null removes one. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly until?: ReadUntil;
  /** Whether the answer may be compressed. It is not decompressed: only its size is measured. */
  readonly compressed?: boolean;
}

/** The headers and params that an era adds to each request. */
export interface Wire {
  headersOf(rpc: string, params: JsonObject): Readonly<Record<string, string>>;
  paramsOf(params: JsonObject): JsonObject;
}

/** Sends requests one after another and keeps each exchange under the name of its step. */
export interface Recorder {
  readonly steps: ReadonlyMap<string, Exchanged>;
  /** Returns why the recording stopped early; undefined while it goes on. */
  interrupted(): string | undefined;
  /** Returns undefined where nothing was sent, since the recording has stopped. */
  send(sent: Sent, until?: ReadUntil): Promise<Exchanged | undefined>;
  ask(step: string, request: Request, wire: Wire): Promise<Exchanged | undefined>;
  list(kind: ListKind, wire: Wire): Promise<ListRun>;
}

/** How a server of one era is opened and recorded: one implementation for each era. */
export interface EraRecorder {
  /** Sends the first request of the era, and nothing else. */
  open(recorder: Recorder): Promise<Exchanged | undefined>;
  /** Whether the answer shows that the server speaks the era. */
  isOpen(opening: Exchanged): boolean;
  /** Tests what the scope names, and ends what it began. Calls no tool of the server. */
  record(recorder: Recorder, opening: Exchanged, scope: Scope): Promise<Transcript>;
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
  /** Alternates strings and integers: a server must return either unchanged. */
  const nextId = (): RequestId => ((lastId += 1) % 2 === 0 ? lastId : `check-${lastId}`);

  const interrupted = () => {
    if (within.aborted) return `all exchanges together took longer than ${RECORD_WITHIN_MS / 1000} seconds`;
    if (caller.aborted) return 'the task ran out of time';
    if (bytes > MAX_BYTES) return `its answers had more than ${MAX_BYTES} bytes together`;
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

/** A name that no server uses. */
export const UNKNOWN = 'mreg-check-none';

const unread: ListRun = { pages: [], items: [], end: 'failed' };
export const noLists: Record<ListKind, ListRun> = {
  tools: unread,
  prompts: unread,
  resources: unread,
  resourceTemplates: unread,
};

/** Reads every list. Lists that the server does not declare are read too, since their answers are checked. */
export async function recordLists(recorder: Recorder, wire: Wire): Promise<Record<ListKind, ListRun>> {
  const lists = {
    tools: await recorder.list('tools', wire),
    prompts: await recorder.list('prompts', wire),
    resources: await recorder.list('resources', wire),
    resourceTemplates: await recorder.list('resourceTemplates', wire),
  };
  if (lists.tools.pages.length > 1)
    await recorder.ask('unknown cursor', { rpc: 'tools/list', params: { cursor: UNKNOWN } }, wire);
  return lists;
}

/** Asks for a method, tool, prompt and resource that do not exist. */
export async function tryUnknownNames(
  recorder: Recorder,
  wire: Wire,
  capabilities: JsonObject,
): Promise<void> {
  await recorder.ask('unknown method', { rpc: `${UNKNOWN}/none` }, wire);
  if ('tools' in capabilities)
    await recorder.ask('unknown tool', { rpc: 'tools/call', params: { name: UNKNOWN, arguments: {} } }, wire);
  if ('prompts' in capabilities)
    await recorder.ask('unknown prompt', { rpc: 'prompts/get', params: { name: UNKNOWN } }, wire);
  if ('resources' in capabilities)
    await recorder.ask('unknown resource', { rpc: 'resources/read', params: { uri: 'check:none' } }, wire);
  if ('completions' in capabilities) {
    const params = { ref: { type: 'ref/prompt', name: UNKNOWN }, argument: { name: 'a', value: '' } };
    await recorder.ask('completion', { rpc: 'completion/complete', params }, wire);
  }
}

/** Sends bodies that are not a JSON-RPC message. */
export async function tryBrokenBodies(
  recorder: Recorder,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  await recorder.send({ step: 'broken JSON', method: 'POST', headers, body: '{"jsonrpc":' });
  await recorder.send({ step: 'no JSON-RPC', method: 'POST', headers, body: '{"hello":"server"}' });
}

/** How often the same small request is sent to measure its time. */
export const TIMES = 5;

/** Sends a small request several times, and reads a list uncompressed and compressed. */
export async function recordTimes(recorder: Recorder, rpc: string, wire: Wire): Promise<void> {
  for (let time = 1; time <= TIMES; time++) await recorder.ask(`time ${time}`, { rpc }, wire);
  await recorder.ask('list tools', { rpc: 'tools/list' }, wire);
  await recorder.ask('list tools, compressed', { rpc: 'tools/list', compressed: true }, wire);
}
