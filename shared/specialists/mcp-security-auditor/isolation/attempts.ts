import type { Session } from '../../../identity/sessions/sessionStore.ts';
import type { IsolationDeps, StrangersRecords } from './foreignRecords.ts';

/** One way to get at a record. As its own tenant it must lead there, or it proves nothing; as any other it must not. */
export interface Attempt {
  readonly what: string;
  readonly by: 'store' | 'gateway' | 'http';
  /** Whether somebody of this tenant gets at it. */
  readonly reaches: (tenantId: string) => Promise<boolean>;
}

const PAGE = 100;

/** Every read of the stores that takes a tenant, of a record and of lists that could hold it. */
export function storeAttempts(
  { server, toolset, delegation, plan, mark }: StrangersRecords,
  session: Session,
  { servers, visibleServers, toolsets, delegations, plans, sessions }: IsolationDeps,
): readonly Attempt[] {
  const search = { search: mark };
  const found = (what: string, find: (tenantId: string) => Promise<unknown>): Attempt => ({
    what,
    by: 'store',
    reaches: async (tenantId) => (await find(tenantId)) !== undefined,
  });
  const listed = (
    what: string,
    list: (tenantId: string) => Promise<{ readonly items: readonly object[] }>,
  ): Attempt => ({
    what,
    by: 'store',
    reaches: async (tenantId) => JSON.stringify((await list(tenantId)).items).includes(mark),
  });
  return [
    found('server', (tenantId) => servers.find(tenantId, server.slug)),
    listed('list of servers', (tenantId) => servers.list(tenantId, search, PAGE, before(server.slug))),
    found('server among the visible ones', (tenantId) => visibleServers.find(tenantId, server.slug)),
    listed('list of visible servers', (tenantId) =>
      visibleServers.list(tenantId, search, PAGE, before(server.slug)),
    ),
    found('toolset', (tenantId) => toolsets.find(tenantId, toolset.slug)),
    listed('list of toolsets', (tenantId) => toolsets.list(tenantId, PAGE, before(toolset.slug))),
    found('delegation', (tenantId) => delegations.find(tenantId, delegation.id)),
    listed('list of delegations', (tenantId) => delegations.list(tenantId, { planId: mark }, PAGE)),
    found('plan', (tenantId) => plans.find(tenantId, plan.id)),
    listed('list of plans', (tenantId) => plans.list(tenantId, { name: mark }, PAGE)),
    found('session', (tenantId) => sessions.find(tenantId, session.id)),
    found('rights of a session', (tenantId) => sessions.authContext(tenantId, session.id)),
    found('token of a session', (tenantId) => sessions.token(tenantId, session.id)),
  ];
}

/** Where a list goes on just before this slug. */
const before = (slug: string): string => slug.slice(0, -1);
