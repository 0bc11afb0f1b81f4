import { listPage } from './lists.ts';
import { capabilities, info, type Json, offers, VERSIONS } from './offers.ts';
import { answer, type Received, type Reply } from './reply.ts';

/** What a server of the legacy era answers (2025-11-25). */
export function answerLegacy(
  { method, headers, message = {}, rpc }: Received,
  sessions: Set<string>,
  newId: () => string,
): Reply {
  const { id } = message;
  const params = (message['params'] ?? {}) as Json;
  const finish = (result: Json, more: Record<string, string> = {}): Reply => {
    const reply = answer(200, { jsonrpc: '2.0', id, result });
    return { ...reply, headers: { ...reply.headers, ...more } };
  };
  const refuse = (code: number, status = 200): Reply =>
    answer(status, { jsonrpc: '2.0', id: id ?? null, error: { code, message: 'refused' } });

  if (rpc === 'initialize') {
    const session = newId();
    sessions.add(session);
    const version = String(params['protocolVersion']);
    return finish(
      {
        protocolVersion: VERSIONS.includes(version) ? version : VERSIONS[0],
        capabilities: capabilities('legacy'),
        serverInfo: info(),
        instructions: 'Ask for items by their number.',
      },
      { 'mcp-session-id': session },
    );
  }
  const version = headers['mcp-protocol-version'];
  if (version !== undefined && !VERSIONS.includes(String(version))) return refuse(-32600, 400);
  const session = headers['mcp-session-id'];
  if (session === undefined) return refuse(-32600, 400);
  if (!sessions.has(String(session))) return refuse(-32600, 404);
  if (method === 'DELETE') {
    sessions.delete(String(session));
    return answer(204);
  }
  if (method === 'GET') return { status: 200, headers: { 'content-type': 'text/event-stream' }, open: true };
  if (id === undefined) return answer(202);
  const page = listPage(rpc, params, offers());
  if (page === 'unknown cursor') return refuse(-32602);
  if (page) return finish(page);
  switch (rpc) {
    case 'ping':
    case 'resources/subscribe':
      return finish({});
    case 'logging/setLevel':
      return params['level'] === 'error' ? finish({}) : refuse(-32602);
    case 'tools/call':
    case 'prompts/get':
    case 'completion/complete':
      return refuse(-32602);
    case 'resources/read':
      return refuse(-32002);
    default:
      return refuse(-32601);
  }
}
