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

/** A server that wants sign-in, as far as discovery sees it: its challenge and its metadata. */
export async function startProtectedServer(issuer: AuthorizationServerStandIn['issuer']): Promise<{
  readonly url: string;
  readonly rules: ResourceRules;
  readonly requests: string[];
  close(): Promise<void>;
}> {
  const requests: string[] = [];
  const served = await serve((request, response) => {
    const path = request.url ?? '';
    requests.push(`${request.method ?? ''} ${path}`);
    if (path === rules.metadataPath && rules.metadata) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(rules.metadata));
    } else if (path === '/mcp') {
      response.writeHead(401, rules.challenge === undefined ? {} : { 'www-authenticate': rules.challenge });
      response.end();
    } else {
      response.writeHead(404);
      response.end();
    }
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
