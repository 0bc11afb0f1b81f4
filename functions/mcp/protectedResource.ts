import * as z from 'zod';
import { type ChallengeSettings, scopeOf } from '../../shared/identity/tokens/refusals.ts';
import { invalid, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import { PROTECTED_RESOURCE } from '../http/paths.ts';
import type { Route } from '../http/route.ts';

const wellKnown = PROTECTED_RESOURCE;

/**
 * Returns the challenge of the endpoint at a path: its metadata is at the URL that follows from the endpoint's own (RFC 9728,
 * section 3.1), and its scope is of that URL. The tenant that the endpoint's URL names is kept.
 */
export function challengeAt(publicOrigin: string, path: string, query: URLSearchParams): ChallengeSettings {
  const tenant = tenantIn(query);
  const hint = tenant.kind === 'named' ? tenant.hint : '';
  return {
    scope: scopeOf(`${publicOrigin}/${path}${hint}`),
    resourceMetadata: `${publicOrigin}/${wellKnown}/${path}${hint}`,
  };
}

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
 * look there only, at the root. The resource's name comes from the settings, never from a request's `Host`. Every name has
 * metadata, so nothing tells whether there is a server or a toolset of that name. It names the gateway's own authorization server
 * first, where there is one, because most clients take the first. Then it names one of Entra: that of the operator's tenant, or that of
 * the tenant in `?tenant={id}`. The answer is the same for every id, so nobody learns which tenants the gateway knows.
 */
export function metadataRoutes({ config, operatorTenant, authority }: AppDeps): readonly Route[] {
  const own = config.signInClientId === undefined ? [] : [config.publicOrigin];
  const metadata = (path: string, { id = operatorTenant, hint = '' }: { id?: string; hint?: string }) => {
    const resource = `${config.publicOrigin}/${path}${hint}`;
    return {
      resource,
      resource_name: 'MCP Registry Gateway',
      authorization_servers: [...own, `${authority}/${id}/v2.0`],
      scopes_supported: [scopeOf(resource)],
      bearer_methods_supported: ['header'],
    };
  };
  const route = (name: string, path: string, endpoint: string): Route => ({
    name,
    method: 'GET',
    path,
    permission: 'anonymous',
    query: 'any',
    handle: ({ params: { slug = '' }, query }) => {
      const tenant = tenantIn(query);
      return Promise.resolve(
        tenant.kind === 'malformed'
          ? invalid('tenant', 'must be the id of one Entra tenant')
          : succeed({
              status: 200,
              body: metadata(endpoint.replace('{slug}', slug), tenant.kind === 'named' ? tenant : {}),
              headers: { 'cache-control': 'public, max-age=3600' },
            }),
      );
    },
  });
  return [
    route('metadata-mcp', `${wellKnown}/mcp`, 'mcp'),
    route('metadata-root', wellKnown, 'mcp'),
    ...['servers', 'toolsets'].map((kind) =>
      route(`metadata-${kind}`, `${wellKnown}/${kind}/{slug}/mcp`, `${kind}/{slug}/mcp`),
    ),
  ];
}
