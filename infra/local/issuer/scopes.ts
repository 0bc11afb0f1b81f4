import { REQUIRED_SCOPE } from '../../../shared/identity/tokens/refusals.ts';
import type { Directory } from './directory.ts';
import { type EntraError, entraErrors } from './entraErrors.ts';

/** Microsoft Graph: the resource of a scope without one. */
const GRAPH = '00000003-0000-0000-c000-000000000000';
const graphScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access']);

/** The scopes that a request asks for. */
export interface AskedScopes {
  readonly audience: string;
  readonly isOfGateway: boolean;
  /** The scopes of the access token, without the resource. */
  readonly scp: string;
  /** The scopes as the answer lists them. */
  readonly granted: string;
  readonly offline: boolean;
}

/**
 * Reads `scope`, and `resource` (RFC 8707) where there is one. Entra knows a scope by the resource before its last slash. Without
 * one it takes the scope for one of Microsoft Graph.
 */
export function readScopes(
  { api }: Pick<Directory, 'api'>,
  scope: string | null,
  resource: string | null,
): AskedScopes | EntraError {
  const asked = (scope ?? '').split(' ').filter((name) => name !== '');
  if (asked.length === 0) return entraErrors.missing('scope');
  const split = asked.filter((name) => !graphScopes.has(name)).map(splitScope);
  const resources = new Set(split.map((each) => each.resource));
  const [named = GRAPH] = resources;
  if (resources.size > 1) return entraErrors.severalResources;
  const isApi = named === api.clientId || api.identifierUris.includes(named);
  if (named !== GRAPH && !isApi) return entraErrors.unknownResource(named);
  const unknown = split.find(({ name }) => !isApi || (name !== REQUIRED_SCOPE && name !== '.default'));
  if (unknown) return entraErrors.unknownScope(unknown.name, named);
  if (resource !== null && !(isApi && api.identifierUris.includes(resource)))
    return entraErrors.wrongResource;
  return {
    audience: isApi ? api.clientId : GRAPH,
    isOfGateway: isApi,
    scp: isApi ? REQUIRED_SCOPE : 'openid profile email',
    granted: isApi ? `${named}/${REQUIRED_SCOPE}` : 'openid profile email',
    offline: asked.includes('offline_access'),
  };
}

function splitScope(scope: string): { readonly resource: string; readonly name: string } {
  const slash = scope.lastIndexOf('/');
  return { resource: slash < 0 ? GRAPH : scope.slice(0, slash), name: scope.slice(slash + 1) };
}
