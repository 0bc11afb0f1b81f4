import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { MODERN } from '../rawClient.ts';
import { serve } from '../serve.ts';
import type { AuthorizationServerStandIn } from './authorizationServer.ts';

export interface ResourceRules {
  /** The protected resource metadata; `undefined`: none. */
  metadata: Readonly<Record<string, unknown>> | undefined;
  /** Where the metadata is. */
  metadataPath: string;
  /** The challenge of a 401; `undefined`: without one. */
  challenge: string | undefined;
}

export interface ProtectedServer {
  readonly url: string;
  readonly rules: ResourceRules;
  /** Method and path of every request. */
  readonly requests: string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: string };
}

/**
 * A server of the 2026 era that wants sign-in. It has a tool for every user and the tool `delete`, for which a token needs the scope
 * `admin`.
 */
export async function startProtectedServer({
  issuer,
  scopesOf,
}: Pick<AuthorizationServerStandIn, 'issuer' | 'scopesOf'>): Promise<ProtectedServer> {
  const requests: string[] = [];
  const served = await serve((request, response) => {
    const path = request.url ?? '';
    requests.push(`${request.method ?? ''} ${path}`);
    const { metadata } = rules;
    if (path === rules.metadataPath && metadata) send(response, 200, metadata);
    else if (path !== '/mcp') send(response, 404, {});
    else
      void text(request).then((body) => {
        const scopes = scopesOf(request.headers.authorization?.replace('Bearer ', '') ?? '');
        if (!scopes)
          send(
            response,
            401,
            {},
            rules.challenge === undefined ? {} : { 'www-authenticate': rules.challenge },
          );
        else answer(response, JSON.parse(body) as Message, scopes);
      });
  });
  const metadataPath = '/.well-known/oauth-protected-resource/mcp';
  const metadataUrl = new URL(metadataPath, served.url).href;
  const rules: ResourceRules = {
    metadata: { resource: served.url, authorization_servers: [issuer], scopes_supported: ['tools'] },
    metadataPath,
    challenge: `Bearer resource_metadata="${metadataUrl}"`,
  };
  return { url: served.url, rules, requests, close: () => served.close() };
}

const results: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'server/discover': { supportedVersions: [MODERN], capabilities: { tools: {} } },
  'tools/list': {
    tools: ['customers', 'delete'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    ttlMs: 0,
  },
  'tools/call': { content: [{ type: 'text', text: 'done' }] },
};

function answer(
  response: ServerResponse,
  { id, method = '', params }: Message,
  scopes: readonly string[],
): void {
  if (params?.name === 'delete' && !scopes.includes('admin')) {
    const challenge = 'Bearer error="insufficient_scope", scope="admin"';
    send(response, 403, {}, { 'www-authenticate': challenge });
    return;
  }
  const _meta = { 'io.modelcontextprotocol/serverInfo': { name: 'crm', version: '1' } };
  send(response, 200, { jsonrpc: '2.0', id, result: { resultType: 'complete', _meta, ...results[method] } });
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
