import { fail, succeed } from '../../shared/platform/result.ts';
import { slugSchema } from '../../shared/registry/server.ts';
import type { AppDeps } from '../compose.ts';
import type { Route } from '../route.ts';

const wellKnown = '.well-known/oauth-protected-resource';

/** Where the metadata of the endpoint at a path is (RFC 9728, section 3.1). */
export const metadataUrl = (publicOrigin: string, path: string): string =>
  `${publicOrigin}/${wellKnown}/${path}`;

/**
 * Protected resource metadata (RFC 9728) of the MCP endpoints, at the paths that follow from their URLs and, for clients that
 * look there only, at the root. The resource's name comes from the settings, never from a request's `Host`. Nothing tells
 * whether there is a server or a toolset of that name.
 */
export function metadataRoutes({ config, authority, challenge }: AppDeps): readonly Route[] {
  const metadata = (path: string) => ({
    resource: `${config.publicOrigin}/${path}`,
    resource_name: 'MCP Registry Gateway',
    authorization_servers: [...config.tenants].map((tenant) => `${authority}/${tenant}/v2.0`),
    scopes_supported: [challenge.scope],
    bearer_methods_supported: ['header'],
  });
  const route = (name: string, path: string, resource: (slug: string) => string | undefined): Route => ({
    name,
    method: 'GET',
    path,
    permission: 'anonymous',
    handle: ({ params: { slug = '' } }) => {
      const found = resource(slug);
      return Promise.resolve(
        found === undefined
          ? fail({ kind: 'not_found', message: 'there is no such resource' })
          : succeed({
              status: 200,
              body: metadata(found),
              headers: { 'cache-control': 'public, max-age=3600' },
            }),
      );
    },
  });
  return [
    route('metadata-mcp', `${wellKnown}/mcp`, () => 'mcp'),
    route('metadata-root', wellKnown, () => 'mcp'),
    ...['servers', 'toolsets'].map((kind) =>
      route(`metadata-${kind}`, `${wellKnown}/${kind}/{slug}/mcp`, (slug) =>
        slugSchema.safeParse(slug).success ? `${kind}/${slug}/mcp` : undefined,
      ),
    ),
  ];
}
