import { z } from 'zod';
import { invalid } from '../../shared/platform/base/invalid.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import { slugSchema } from '../../shared/registry/records/server.ts';
import type { AppDeps } from '../compose/compose.ts';
import type { Route } from '../http/route.ts';

const wellKnown = '.well-known/oauth-protected-resource';

/** Where the metadata of the endpoint at a path is (RFC 9728, section 3.1). The tenant that the endpoint's URL names is kept. */
export const metadataUrl = (publicOrigin: string, path: string, query: URLSearchParams): string => {
  const tenant = tenantIn(query);
  return `${publicOrigin}/${wellKnown}/${path}${tenant.kind === 'named' ? tenant.hint : ''}`;
};

type NamedTenant =
  | { readonly kind: 'absent' | 'malformed' }
  | { readonly kind: 'named'; readonly id: string; readonly hint: string };

/** The tenant that a reader names as `?tenant={id}`. */
function tenantIn(query: URLSearchParams): NamedTenant {
  const [id, ...more] = query.getAll('tenant');
  if (id === undefined) return { kind: 'absent' };
  const isOne = more.length === 0 && z.guid().safeParse(id).success;
  return isOne ? { kind: 'named', id: id.toLowerCase(), hint: `?tenant=${id}` } : { kind: 'malformed' };
}

/**
 * Protected resource metadata (RFC 9728) of the MCP endpoints, at the paths that follow from their URLs and, for clients that
 * look there only, at the root. The resource's name comes from the settings, never from a request's `Host`. Nothing tells
 * whether there is a server or a toolset of that name. It names one authorization server: that of the operator's tenant, or that
 * of the tenant in `?tenant={id}`. The answer is the same for every id, so nobody learns which tenants the gateway knows.
 */
export function metadataRoutes({ config, operatorTenant, authority, challenge }: AppDeps): readonly Route[] {
  const metadata = (path: string, { id = operatorTenant, hint = '' }: { id?: string; hint?: string }) => ({
    resource: `${config.publicOrigin}/${path}${hint}`,
    resource_name: 'MCP Registry Gateway',
    authorization_servers: [`${authority}/${id}/v2.0`],
    scopes_supported: [challenge.scope],
    bearer_methods_supported: ['header'],
  });
  const route = (name: string, path: string, resource: (slug: string) => string | undefined): Route => ({
    name,
    method: 'GET',
    path,
    permission: 'anonymous',
    handle: ({ params: { slug = '' }, query }) => {
      const found = resource(slug);
      const tenant = tenantIn(query);
      if (tenant.kind === 'malformed')
        return Promise.resolve(invalid('tenant', 'must be the id of one Entra tenant'));
      return Promise.resolve(
        found === undefined
          ? fail({ kind: 'not_found', message: 'there is no such resource' })
          : succeed({
              status: 200,
              body: metadata(found, tenant.kind === 'named' ? tenant : {}),
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
