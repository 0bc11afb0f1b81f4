import type { AccountTargetOf } from '../../shared/gateway/upstream/accountTarget.ts';
import type { Actor } from '../../shared/identity/access/actor.ts';
import { isFor } from '../../shared/identity/connections/createConnections.ts';
import type { ConnectionTarget } from '../../shared/identity/credentials/connections.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { Page } from '../../shared/platform/tables/tables.ts';
import type { Accounts } from '../compose/accounts.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { pageParameters, readPage } from './paging.ts';
import { privileged } from './privileged.ts';

export interface ConnectionDeps extends Pick<AppDeps, 'audit' | 'visibleServers'> {
  /** Absent: no user has an account at a server. */
  readonly accounts?: Accounts | undefined;
  readonly accountTargetOf: AccountTargetOf;
}

interface OwnConnection {
  readonly server: string;
  readonly title: string;
  readonly state: 'connected' | 'sign_in_needed';
  readonly issuer?: string;
  readonly scopes?: readonly string[];
  readonly connectedAt?: string;
  /** Where the caller connects the account, or connects it anew; valid for ten minutes. */
  readonly signInUrl: string;
}

/** Pages of servers that one request reads to find those that want an account. */
const MAX_PAGES = 10;

/** Routes for the caller's own accounts at upstream servers. Nobody sees those of others. */
export function connectionRoutes(deps: ConnectionDeps): readonly Route<unknown>[] {
  const { accounts, accountTargetOf, visibleServers, audit } = deps;

  async function list(actor: Actor, limit: number, after?: string): Promise<Page<OwnConnection>> {
    if (!accounts || actor.kind !== 'user') return { items: [] };
    let position = after;
    for (let read = 1; ; read++) {
      const page = await visibleServers.list(actor.tenantId, { status: 'active' }, limit, position);
      const wanting = page.items.flatMap((record) => {
        const target = accountTargetOf(record);
        return target ? [{ title: record.title, target }] : [];
      });
      const items = await Promise.all(wanting.map((each) => view(actor, each, accounts)));
      position = page.after;
      if (position === undefined) return { items };
      if (items.length > 0 || read === MAX_PAGES) return { items, after: position };
    }
  }

  const listOwn: Route = {
    name: 'connections-list',
    method: 'GET',
    path: 'connections',
    permission: 'mcp.use',
    query: pageParameters,
    handle: ({ actor, query }) =>
      readPage(
        'connections',
        query,
        (limit, after) => list(actor, limit, after),
        (item) => item,
      ),
  };

  const forget: Route = {
    name: 'connections-forget',
    method: 'DELETE',
    path: 'connections/{server}',
    permission: 'mcp.use',
    async handle({ actor: { tenantId, userId }, params: { server: slug = '' } }) {
      const outcome = await accounts?.forget({ tenantId, userId, slug });
      return outcome === 'forgotten'
        ? succeed({ status: 204 })
        : fail({ kind: 'not_found', message: `you have no account connected to "${slug}"` });
    },
  };

  return [listOwn, privileged(forget, 'connections.forget', ({ params }) => params['server'] ?? '', audit)];
}

async function view(
  actor: Actor,
  { title, target }: { readonly title: string; readonly target: ConnectionTarget },
  { store, links }: Accounts,
): Promise<OwnConnection> {
  const { tenantId, userId } = actor;
  const { slug } = target;
  const found = (await store.find({ tenantId, userId, slug }))?.value;
  const about = { server: slug, title, signInUrl: links.urlFor(actor, slug) };
  if (!found) return { ...about, state: 'sign_in_needed' };
  const { issuer, scopes, connectedAt, sealed } = found;
  const isUsed = sealed !== undefined && isFor(found, target);
  return {
    ...about,
    state: isUsed ? 'connected' : 'sign_in_needed',
    issuer,
    scopes,
    connectedAt,
  };
}
