import { z } from 'zod';

const eras = ['legacy', 'modern'] as const;
export const eraSchema: z.ZodType<Era> = z.enum(eras);
/** The two ways to speak MCP: up to 2025-11-25, and from 2026-07-28. */
export type Era = (typeof eras)[number];

/** The text that the result of each call holds. */
export const RESULT_TEXT: string = 'x'.repeat(200);

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly _meta?: { readonly progressToken?: unknown } };
}

export interface Answer {
  /** As JSON. None answers a notification, two notifications and the result answer a call of `stream`. */
  readonly messages: readonly string[];
  /** More may follow, so the stream stays open. */
  readonly isOpen?: boolean;
}

/**
 * The barest MCP server of one era. It answers at once and costs next to nothing, so that what is measured in front of it is the
 * gateway.
 */
export function bareServer(era: Era, moreTools: number): (body: string) => Answer {
  const results = resultsOf(era, moreTools);
  return (body) => {
    const { id, method = '', params } = JSON.parse(body || '{}') as Message;
    if (id === undefined) return { messages: [] };
    if (method === 'subscriptions/listen') return { messages: [acknowledgement(id)], isOpen: true };
    const result = results[method];
    const told = params?.name === 'stream' ? [1, 2].map((progress) => notification(progress, params)) : [];
    const outcome = result ? { result } : { error: { code: -32601, message: 'no such method' } };
    return { messages: [...told, { jsonrpc: '2.0', id, ...outcome }].map((each) => JSON.stringify(each)) };
  };
}

/** Progress, of a call that asks for it. Others get a notification that MCP does not know. */
function notification(progress: number, { _meta: { progressToken } = {} }: NonNullable<Message['params']>) {
  return progressToken === undefined
    ? { jsonrpc: '2.0', method: 'acme/progress', params: { progress } }
    : { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress, total: 2 } };
}

/** Of a subscription, of which nothing else is ever told. */
const acknowledgement = (id: unknown) =>
  JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: {}, _meta: { 'io.modelcontextprotocol/subscriptionId': id } },
  });

function resultsOf(era: Era, moreTools: number): Readonly<Record<string, object>> {
  const isModern = era === 'modern';
  const complete = isModern ? { resultType: 'complete' } : {};
  const cached = isModern ? { ...complete, ttlMs: 60_000, cacheScope: 'private' } : {};
  const capabilities = { tools: {} };
  const names = ['echo', 'stream', ...Array.from({ length: moreTools }, (_, index) => `tool-${index}`)];
  return {
    ...(isModern
      ? { 'server/discover': { ...cached, supportedVersions: ['2026-07-28'], capabilities } }
      : {
          initialize: {
            protocolVersion: '2025-11-25',
            capabilities,
            serverInfo: { name: 'bare', version: '1.0.0' },
          },
        }),
    'tools/list': { ...cached, tools: names.map(listed) },
    'tools/call': { ...complete, content: [{ type: 'text', text: RESULT_TEXT }] },
  };
}

const listed = (name: string) => ({
  name,
  description: `Does what ${name} does, as its documentation says at some length.`,
  inputSchema: { type: 'object', properties: { text: { type: 'string', description: 'What it is about.' } } },
});
