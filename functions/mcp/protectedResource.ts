import { type ChallengeSettings, scopeOf } from '../../shared/identity/tokens/refusals.ts';
import { hintIn, resourceAt } from '../../shared/identity/tokens/resources.ts';
import { invalid } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import { publicDocument } from '../http/answers.ts';
import { PROTECTED_RESOURCE } from '../http/paths.ts';
import type { Route } from '../http/route.ts';
import { endpointPaths } from './endpointPaths.ts';

const wellKnown = PROTECTED_RESOURCE;

/**
 * Returns the challenge of the endpoint at a path: its metadata is at the URL that follows from the endpoint's own (RFC 9728,
 * section 3.1), and its scope is of that URL. The tenant that the endpoint's URL names is kept.
 */
export function challengeAt(publicOrigin: string, path: string, query: URLSearchParams): ChallengeSettings {
  return {
    scope: scopeOf(resourceAt(publicOrigin, path, query)),
    resourceMetadata: resourceAt(publicOrigin, `${wellKnown}/${path}`, query),
  };
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
  const metadata = (path: string, query: URLSearchParams, tenant = operatorTenant) => {
    const resource = resourceAt(config.publicOrigin, path, query);
    return {
      resource,
      resource_name: 'MCP Registry Gateway',
      authorization_servers: [...own, `${authority}/${tenant}/v2.0`],
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
      const named = hintIn(query);
      return Promise.resolve(
        named === 'malformed'
          ? invalid('tenant', 'must be the id of one Entra tenant')
          : publicDocument(metadata(endpoint.replace('{slug}', slug), query, named.tenant)),
      );
    },
  });
  const { mcp, server, toolset } = endpointPaths;
  return [
    route('metadata-mcp', `${wellKnown}/${mcp}`, mcp),
    route('metadata-root', wellKnown, mcp),
    route('metadata-servers', `${wellKnown}/${server}`, server),
    route('metadata-toolsets', `${wellKnown}/${toolset}`, toolset),
  ];
}
