import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type ClientCapabilities,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  type JSONRPCMessage,
  ListRootsRequestSchema,
  type ServerCapabilities,
} from '@modelcontextprotocol/sdk/types.js';
import { vi } from 'vitest';
import { z } from 'zod';
import { isOf, type Names, ownNames, withoutPrefixes } from './names.ts';
import { type Message, recordingFetch } from './recording.ts';

/** Where a client connects: to the server itself, or to an endpoint of the gateway. */
export interface Door {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly names?: Names;
}

/** A session of the official SDK at one door. It keeps what arrives as it arrives. */
export interface Session {
  readonly capabilities: ServerCapabilities;
  /** Resolves with the text of the result or of the error, with the server's own names. */
  ask(method: string, params?: Record<string, unknown>, signal?: AbortSignal): Promise<string>;
  /** Resolves with the items of all pages of a list, each as text. At the aggregate endpoint, with those of the server. */
  items(method: string): Promise<readonly string[]>;
  /** Requests and notifications of the server, in the order of arrival, each as text. */
  readonly received: readonly string[];
  /** Waits until a message of the server matches. */
  receives(pattern: RegExp): Promise<void>;
  close(): Promise<void>;
}

/** All that a client of 2025-11-25 can be asked. */
export const everyCapability: ClientCapabilities = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};

const LONG_MS = 20_000;
const anyResult = z.looseObject({});
const itemSchema = z.record(z.string(), z.unknown());
const pageSchema = z.object({ result: z.record(z.string(), z.unknown()) });

export async function openSession(door: Door, capabilities: ClientCapabilities = {}): Promise<Session> {
  const { names = ownNames } = door;
  const received: string[] = [];
  const answers = new Map<unknown, Message>();
  const shown = (message: object): string =>
    withoutPrefixes(JSON.stringify(message), names).replaceAll(volatile, '<volatile>');
  const client = new Client({ name: 'interop', version: '1.0.0' }, { capabilities });
  if (capabilities.sampling) client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
  if (capabilities.elicitation) client.setRequestHandler(ElicitRequestSchema, () => filledIn);
  if (capabilities.roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots }));

  const listening = Promise.withResolvers<undefined>();
  const record = recordingFetch(({ jsonrpc: _, id, ...message }) => {
    if ('method' in message) received.push(shown(message));
    else answers.set(String(id).replace('number ', ''), message);
  });
  const transport = new StreamableHTTPClientTransport(new URL(door.url), {
    ...(door.headers && { requestInit: { headers: door.headers } }),
    fetch: async (input, init) => {
      const response = await record(input, init);
      if (init?.method === 'GET') listening.resolve(undefined);
      return response;
    },
  });
  let lastId: unknown;
  const send = transport.send.bind(transport);
  transport.send = (message: JSONRPCMessage) => {
    if ('method' in message && 'id' in message) lastId = message.id;
    return send(message);
  };
  await client.connect(transport);
  await listening.promise;
  async function exchange(
    method: string,
    params: Record<string, unknown> = {},
    signal?: AbortSignal,
  ): Promise<Message> {
    const options = { timeout: LONG_MS, ...(signal && { signal }), onprogress: () => undefined };
    const asked = client.request({ method, params: withNames(params, names) }, anyResult, options);
    const id = String(lastId);
    const failure = await asked.then(
      () => undefined,
      (error: unknown) => error,
    );
    return answers.get(id) ?? { unanswered: String(failure) };
  }

  return {
    capabilities: client.getServerCapabilities() ?? {},
    received,
    ask: async (method, params, signal) => shown(await exchange(method, params, signal)),
    async items(method) {
      const texts: string[] = [];
      let cursor: string | undefined;
      do {
        const page = pageSchema.parse(await exchange(method, cursor === undefined ? {} : { cursor })).result;
        cursor = typeof page['nextCursor'] === 'string' ? page['nextCursor'] : undefined;
        const items = z.array(itemSchema).parse(Object.values(page).find((field) => Array.isArray(field)));
        texts.push(...items.filter((item) => isOf(item, names)).map(shown));
      } while (cursor !== undefined);
      return texts;
    },
    async receives(pattern) {
      await vi.waitUntil(() => received.some((message) => pattern.test(message)), { timeout: LONG_MS });
    },
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

/** Returns parameters that name a tool, a prompt or a resource as the door does. */
function withNames(params: Record<string, unknown>, names: Names): Record<string, unknown> {
  const { name, uri, ref } = params;
  return {
    ...params,
    ...(typeof name === 'string' && { name: names.tool + name }),
    ...(typeof uri === 'string' && { uri: names.uri + uri }),
    ...(typeof ref === 'object' && ref !== null && { ref: withNames({ ...ref }, names) }),
  };
}

const sampled = {
  model: 'none',
  role: 'assistant' as const,
  stopReason: 'endTurn',
  content: { type: 'text' as const, text: 'A sample.' },
};
const filledIn = { action: 'accept' as const, content: { name: 'Ada', check: true, integer: 7 } };
const roots = [{ uri: 'file:///home/interop', name: 'Interop' }];

/** Ids, times and names of files that a server makes anew for each session. */
const volatile = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|\b\d{1,2}:\d{2}:\d{2}( [AP]M)?|page-[\dTZ-]+\.yml/g;
