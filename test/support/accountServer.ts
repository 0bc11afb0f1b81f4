import type { ServerResponse } from 'node:http';
import type { Era } from '../../shared/registry/records/era.ts';
import { type HandmadeUpstream, handmadeUpstream, json } from './handmadeUpstream.ts';
import { MODERN } from './rawClient.ts';

export const CHALLENGE =
  'Bearer resource_metadata="https://crm.example/.well-known/oauth-protected-resource"';

/** A server of either era that answers users with a token only. Each user, whose name is in the token, sees a tool of their own. */
export function accountServer(era: Era, isGood: (user: string) => boolean): Promise<HandmadeUpstream> {
  type Reply = Parameters<typeof handmadeUpstream>[0];
  const answer =
    (result: (user: string, response: ServerResponse) => object): Reply =>
    (response, { headers, message: { id } }) => {
      const token = headers.authorization?.replace('Bearer ', '') ?? '';
      const user = token.split('-')[0] ?? '';
      if (token === '' || !isGood(token))
        json(response, { error: 'invalid_token' }, 401, { 'www-authenticate': CHALLENGE });
      else json(response, { jsonrpc: '2.0', id, ...result(user, response) });
    };
  const capabilities = { tools: {}, resources: {} };
  const serverInfo = { name: 'crm', version: '1' };
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
  const called = (user: string) => ({
    result: { content: [{ type: 'text', text: `customers of ${user}` }], resultType: 'complete' },
  });
  return handmadeUpstream(answer(called), {
    'server/discover': answer(() =>
      era === 'modern'
        ? { result: { supportedVersions: [MODERN], capabilities, resultType: 'complete', _meta: {} } }
        : { error: { code: -32601, message: 'unknown method' } },
    ),
    initialize: answer((_user, response) => {
      response.setHeader('mcp-session-id', 'session-1');
      return { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } };
    }),
    'tools/list': answer((user) => ({
      result: { tools: [tool('search'), tool(`only_${user}`)], resultType: 'complete' },
    })),
    'resources/list': answer((user) => ({
      result: { resources: [{ uri: `crm://${user}`, name: `file of ${user}` }], resultType: 'complete' },
    })),
    'resources/templates/list': answer(() => ({ result: { resourceTemplates: [], resultType: 'complete' } })),
    'resources/read': answer((user) => ({ result: { contents: [{ uri: `crm://${user}`, text: user }] } })),
  });
}
