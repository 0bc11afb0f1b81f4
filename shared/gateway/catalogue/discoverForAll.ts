import type { Credentials } from '../../identity/credentials/credentials.ts';
import { FIRST_USER } from '../../identity/credentials/credentialSources.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Discovery } from '../../registry/records/server.ts';
import { needsAccount, type UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { LATEST_LEGACY, LATEST_MODERN } from '../protocol/versions.ts';
import { SignInNeeded, UpstreamFault } from '../upstream/fault.ts';
import { discoverServer, type DiscoveryDeps, explainFailure, readDiscovery } from './discovery.ts';
import { boundLeftOut } from './readLists.ts';

/**
 * Discovers a server for its record, which all users share. A server at which each user has an account is discovered with the
 * account of the first user, or without one while nobody has one. Then it may refuse the gateway: it keeps the lists that are
 * known, or has empty ones. Its resources are not in the record, because they are those of one account.
 */
export async function discoverForAll(
  target: UpstreamTarget,
  deps: DiscoveryDeps & { readonly credentials: Pick<Credentials, 'isAccount'> },
  signal: AbortSignal,
  known?: Discovery,
): Promise<Result<Discovery>> {
  if (!needsAccount(target, deps.credentials)) return discoverServer(target, deps, signal, known);
  const { outboundTo, clock } = deps;
  const asFirstUser = { clock, outboundTo: (to: UpstreamTarget) => outboundTo(to, () => FIRST_USER) };
  try {
    return succeed(withoutResources(await readDiscovery(target, asFirstUser, signal, known)));
  } catch (error) {
    const isRefused =
      error instanceof SignInNeeded ||
      (error instanceof UpstreamFault && error.kind === 'credentials_wanted' && error.status !== undefined);
    if (!isRefused) return fail(explainFailure(error, target));
    return succeed(known ?? undiscovered(target, clock.now().toISOString()));
  }
}

/** Returns the discovery as everybody sees it. */
function withoutResources(discovery: Discovery): Discovery {
  const { resources: _own, resourceTemplates: _too, leftOut = [], ...shared } = discovery;
  if (!('resources' in discovery.capabilities)) return discovery;
  const reason = 'each user has those of their own account';
  return { ...shared, leftOut: boundLeftOut([{ list: 'resources', reason }, ...leftOut]) };
}

/** What is known of a server that answers nobody yet. Its era is found for the first user who has an account. */
function undiscovered({ upstream }: UpstreamTarget, discoveredAt: string): Discovery {
  const era = upstream?.era ?? 'modern';
  return {
    era,
    protocolVersion: era === 'modern' ? LATEST_MODERN : LATEST_LEGACY,
    serverInfo: { name: 'unknown', version: '' },
    capabilities: { tools: {} },
    tools: [],
    leftOut: [{ list: 'tools', reason: 'nobody has connected an account at the server yet' }],
    awaitsAccount: true,
    discoveredAt,
  };
}
