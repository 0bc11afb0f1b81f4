import { createSseParser } from '../../shared/gateway/protocol/sse.ts';
import type { Era } from '../../shared/registry/records/era.ts';
import type { Tool } from '../../shared/registry/records/server.ts';

export const MODERN = '2026-07-28';
/** Every version that the gateway offers to clients, newest first. */
export const OFFERED = [MODERN, '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

/** A JSON-RPC message as tests look at it. */
export interface Answered {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown> & {
    readonly content?: readonly Record<string, unknown>[];
    readonly tools?: readonly Tool[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The messages as they come; one for JSON. */
  readonly messages: AsyncGenerator<Answered, void, undefined>;
  /** All of them. */
  all(): Promise<Answered[]>;
}

const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Posts one request as a client of the given era does, with nothing in between. */
export async function post(
  url: string,
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const { _meta: meta, ...rest } = params;
  const sent =
    era === 'modern' ? { ...rest, _meta: { ...modernMeta, ...(meta as object | undefined) } } : params;
  const own: Record<string, string> =
    era === 'modern'
      ? {
          'mcp-protocol-version': MODERN,
          'mcp-method': method,
          ...(typeof params['name'] === 'string' && { 'mcp-name': params['name'] }),
        }
      : { 'mcp-protocol-version': '2025-11-25' };
  return postRaw(
    url,
    { jsonrpc: '2.0', id: 'client-id', method, params: sent },
    { ...own, ...headers },
    signal,
  );
}

export async function postRaw(
  url: string,
  message: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(message),
    ...(signal && { signal }),
  });
  const messages = readMessages(response);
  return {
    status: response.status,
    headers: response.headers,
    messages,
    all: async () => {
      const all: Answered[] = [];
      for await (const one of messages) all.push(one);
      return all;
    },
  };
}

async function* readMessages(response: Response): AsyncGenerator<Answered, void, undefined> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    const text = await response.text();
    if (text !== '') yield JSON.parse(text) as Answered;
    return;
  }
  const parser = createSseParser(8 * 1024 * 1024);
  const body: AsyncIterable<Uint8Array> = response.body ?? new ReadableStream<Uint8Array>();
  for await (const chunk of body) {
    for (const { data } of parser.push(chunk)) yield JSON.parse(data) as Answered;
  }
}
