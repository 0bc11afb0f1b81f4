import { readUrl } from '../../platform/base/readUrl.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { ConnectionTarget } from '../credentials/connections.ts';
import {
  type AuthorizationServer,
  defaultEndpoints,
  findAuthorizationServer,
  type ServerSearch,
} from './authorizationServer.ts';
import { findProtectedResource, splitScopes, unusable } from './protectedResource.ts';

/** Where the users of a server have their accounts, and what to ask for there. */
export interface AccountPlace {
  readonly server: AuthorizationServer;
  /** The value of `resource` (RFC 8707), as the server publishes it. Absent for a server that is older than RFC 9728. */
  readonly resource?: string;
  readonly scopes: readonly string[];
}

/**
 * Finds the authorization server of a server: by its protected resource metadata, otherwise at its own origin, as the revision
 * 2025-03-26 has it. The issuer of a preset client is the only one that is used then. Failures: `rejected` where the server
 * cannot be signed in to; `unavailable`, `timeout`.
 */
export async function discoverAccount(
  { url, client }: Pick<ConnectionTarget, 'url' | 'client'>,
  search: ServerSearch,
): Promise<Result<AccountPlace>> {
  const found = await findProtectedResource(url, search.outbound);
  if (!found.ok) return found;
  const { resource, issuers, scopes } = found.value;
  if (client && issuers.length > 0 && !issuers.some((issuer) => isSameIssuer(issuer, client.issuer)))
    return unusable('it names another authorization server than the settings of the gateway');
  const { origin } = new URL(url);
  const issuer = client?.issuer ?? issuers[0] ?? origin;
  const read = await findAuthorizationServer(issuer, search);
  if (!read.ok) return read;
  const isOld = resource === undefined && client === undefined;
  const server = read.value ?? (isOld ? defaultEndpoints(origin) : undefined);
  if (!server) return unusable('its authorization server publishes no metadata');
  // Servers without this list exist, such as Entra. An administrator who names the issuer vouches for it.
  const methods = server.code_challenge_methods_supported;
  if (!(methods?.includes('S256') ?? (read.value === undefined || client !== undefined)))
    return unusable('its authorization server does not support PKCE with S256');
  const wanted = client?.scope === undefined ? scopes : splitScopes(client.scope);
  return succeed({
    server,
    ...(resource !== undefined && { resource }),
    scopes: withOfflineAccess(wanted, server),
  });
}

/** Whether two texts are the same issuer. A URL of an origin has two spellings, with a slash at its end and without. */
export const isSameIssuer = (one: string, other: string): boolean => {
  const href = readUrl(one)?.href;
  return href !== undefined && href === readUrl(other)?.href;
};

/** Adds the scope of refresh tokens where the server has it. Without any scope the server chooses, so none is added then. */
const withOfflineAccess = (
  scopes: readonly string[],
  { scopes_supported: supported = [] }: AuthorizationServer,
): readonly string[] =>
  scopes.length > 0 && supported.includes('offline_access')
    ? [...new Set([...scopes, 'offline_access'])]
    : scopes;
