import { LATEST_MODERN } from '../../shared/gateway/protocol/versions.ts';
import { ownEnvelope } from '../../shared/gateway/upstream/modern.ts';
import { type Era, RESULT_TEXT } from './bareServer.ts';
import type { Target } from './load.ts';

/** An MCP endpoint in front of the bare server. */
export interface Endpoint {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What stands before the names of the tools there. */
  readonly prefix?: string;
}

export type BareTool = 'echo' | 'stream';

/** Targets that call a tool of the bare server, one for each session. */
export type Calls = (tool: BareTool) => readonly Target[];

const LATEST_LEGACY = '2025-11-25';
/** Asks for progress, so that a gateway passes the notifications of `stream` on. */
const progress = { progressToken: 'bench' };

/**
 * Connects as a client of this era does. In the 2025 era that is `initialize` once for each of the sessions, whose id its calls
 * then carry. 2026-07-28 has no sessions: each call says all.
 */
export async function connect(endpoint: Endpoint, era: Era, sessions: number): Promise<Calls> {
  const perSession =
    era === 'modern'
      ? [{ 'mcp-protocol-version': LATEST_MODERN, 'mcp-method': 'tools/call' }]
      : await Promise.all(Array.from({ length: sessions }, () => initialize(endpoint)));
  return (tool) =>
    perSession.map((headers) => callOf(endpoint, era, tool, { ...commonHeaders(endpoint), ...headers }));
}

function callOf(
  { url, prefix = '' }: Endpoint,
  era: Era,
  tool: BareTool,
  headers: Readonly<Record<string, string>>,
): Target {
  const name = prefix + tool;
  const _meta = { ...(era === 'modern' && ownEnvelope), ...(tool === 'stream' && progress) };
  const { origin, pathname: path } = new URL(url);
  return {
    origin,
    path,
    method: 'POST',
    headers: { ...headers, ...(era === 'modern' && { 'mcp-name': name }) },
    bodies: [message('tools/call', { name, arguments: { text: 'hello' }, _meta })],
    holds: RESULT_TEXT,
  };
}

const commonHeaders = ({ headers = {} }: Endpoint): Record<string, string> => ({
  ...headers,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
});

/** Returns the headers of the session: its version, and its id if the server gives one. */
async function initialize(endpoint: Endpoint): Promise<Record<string, string>> {
  const clientInfo = { name: 'bench', version: '1.0.0' };
  const params = { protocolVersion: LATEST_LEGACY, capabilities: {}, clientInfo };
  const answer = await post(endpoint, {}, message('initialize', params));
  const id = answer.headers.get('mcp-session-id');
  const headers = {
    'mcp-protocol-version': LATEST_LEGACY,
    ...(id !== null && { 'mcp-session-id': id }),
  };
  await post(endpoint, headers, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  return headers;
}

/** @throws on an answer that is no success */
async function post(endpoint: Endpoint, headers: object, body: string): Promise<Response> {
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: { ...commonHeaders(endpoint), ...headers },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${endpoint.url} answered ${response.status}: ${text.slice(0, 200)}`);
  return response;
}

export const message = (method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
