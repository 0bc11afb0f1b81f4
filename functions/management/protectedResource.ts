import { scopeOf } from '../../shared/identity/tokens/refusals.ts';
import type { AppDeps } from '../compose/deps.ts';
import { publicDocument } from '../http/answers.ts';
import { PROTECTED_RESOURCE } from '../http/paths.ts';
import type { Route } from '../http/route.ts';

/**
 * Protected resource metadata (RFC 9728) of the management API, where the gateway has an authorization server of its own. It names
 * that one alone: Entra knows the management API as `api://{client id}`, which is not its URL.
 */
export function managementMetadataRoutes({ config }: Pick<AppDeps, 'config'>): readonly Route[] {
  if (config.signInClientId === undefined) return [];
  const body = {
    resource: config.managementOrigin,
    resource_name: 'MCP Registry Gateway, management API',
    authorization_servers: [config.publicOrigin],
    scopes_supported: [scopeOf(config.managementOrigin)],
    bearer_methods_supported: ['header'],
  };
  return [
    {
      name: 'metadata-management',
      method: 'GET',
      path: PROTECTED_RESOURCE,
      permission: 'anonymous',
      query: 'any',
      handle: () => Promise.resolve(publicDocument(body)),
    },
  ];
}
