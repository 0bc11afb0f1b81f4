import { listPage } from './lists.ts';
import { capabilities, info, type Json, META, MODERN, offers } from './offers.ts';
import { answer, type Received, type Reply } from './reply.ts';

const cached = { ttlMs: 60_000, cacheScope: 'public' };

/** What a server of the modern era answers (2026-07-28). */
export function answerModern({ method, headers, message = {}, rpc }: Received): Reply {
  if (method !== 'POST') return answer(405);
  const { id } = message;
  const params = (message['params'] ?? {}) as Json;
  const meta = (params['_meta'] ?? {}) as Json;
  if (id === undefined) return answer(202);
  const refuse = (code: number, status = 200, data?: Json): Reply =>
    answer(status, {
      jsonrpc: '2.0',
      id,
      error: { code, message: `speaks ${MODERN}`, ...(data && { data }) },
    });
  const version = meta[META('protocolVersion')];
  const unsupported = () => refuse(-32022, 400, { supported: [MODERN], requested: version ?? '' });

  if (version === undefined) return rpc === 'initialize' ? unsupported() : refuse(-32602, 400);
  if (meta[META('clientCapabilities')] === undefined) return refuse(-32602, 400);
  if (headers['mcp-protocol-version'] !== version || headers['mcp-method'] !== rpc)
    return refuse(-32020, 400);
  if (version !== MODERN) return unsupported();
  const name = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }[rpc];
  if (name !== undefined && decoded(headers['mcp-name']) !== params[name]) return refuse(-32020, 400);

  const finish = (result: Json): Reply =>
    answer(200, {
      jsonrpc: '2.0',
      id,
      result: { resultType: 'complete', ...result, _meta: { [META('serverInfo')]: info() } },
    });
  const page = listPage(rpc, params, offers());
  if (page === 'unknown cursor') return refuse(-32602);
  if (page) return finish({ ...page, ...cached });
  switch (rpc) {
    case 'server/discover':
      return finish({
        supportedVersions: [MODERN],
        capabilities: capabilities('modern'),
        instructions: 'Ask for items by their number.',
        ...cached,
      });
    case 'subscriptions/listen':
      return {
        status: 200,
        headers: { 'content-type': 'text/event-stream' },
        message: {
          jsonrpc: '2.0',
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: params['notifications'], _meta: { [META('subscriptionId')]: id } },
        },
        open: true,
      };
    case 'tools/call':
    case 'prompts/get':
    case 'resources/read':
    case 'completion/complete':
      return refuse(-32602);
    default:
      return refuse(-32601, 404);
  }
}

function decoded(header: string | string[] | undefined): string | undefined {
  const value = String(header ?? '');
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? [];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}
