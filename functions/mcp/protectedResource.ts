import { succeed } from '../../shared/platform/result.ts';
import type { AppDeps } from '../compose.ts';
import type { Route } from '../http.ts';

const wellKnown = '.well-known/oauth-protected-resource';

export const metadataUrl = (publicOrigin: string): string => `${publicOrigin}/${wellKnown}/mcp`;

/**
 * Protected resource metadata (RFC 9728) of the MCP endpoint, at the path that follows from its URL and, for clients that
 * look there only, at the root. The resource's name comes from the settings, never from a request's `Host`.
 */
export function metadataRoutes({ config, authority, challenge }: AppDeps): readonly Route[] {
  const metadata = {
    resource: `${config.publicOrigin}/mcp`,
    resource_name: 'MCP Registry Gateway',
    authorization_servers: [...config.tenants].map((tenant) => `${authority}/${tenant}/v2.0`),
    scopes_supported: [challenge.scope],
    bearer_methods_supported: ['header'],
  };
  return [`${wellKnown}/mcp`, wellKnown].map((path, index) => ({
    name: index === 0 ? 'metadata-mcp' : 'metadata-root',
    method: 'GET',
    path,
    permission: 'anonymous',
    handle: () =>
      Promise.resolve(
        succeed({ status: 200, body: metadata, headers: { 'cache-control': 'public, max-age=3600' } }),
      ),
  }));
}
