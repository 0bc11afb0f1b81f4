import { createHash } from 'node:crypto';
import type { Principal } from '../../../identity/access/actor.ts';
import type { Session } from '../../../identity/sessions/sessionStore.ts';
import { type Delegation, finish, newDelegation } from '../../../orchestration/model/delegation.ts';
import type { Plan } from '../../../orchestration/model/plan.ts';
import { continueTrace, traceparentOf } from '../../../platform/telemetry/trace.ts';
import type { ServerRecord } from '../../../registry/records/server.ts';
import type { Toolset } from '../../../registry/toolsets/toolset.ts';
import type { SpecialistDeps } from '../../deps.ts';

export type IsolationDeps = Pick<
  SpecialistDeps,
  | 'servers'
  | 'visibleServers'
  | 'toolsets'
  | 'delegations'
  | 'plans'
  | 'sessions'
  | 'trail'
  | 'tenants'
  | 'config'
  | 'outbound'
  | 'outboundTo'
  | 'seal'
  | 'credentials'
  | 'shortLived'
  | 'clock'
  | 'newId'
  | 'log'
>;

/** Records of a tenant that there is not, of each kind that a tenant has, with a mark by which they are known anywhere. */
export interface StrangersRecords {
  readonly principal: Principal;
  /** In a text of each record. */
  readonly mark: string;
  readonly server: ServerRecord;
  readonly toolset: Toolset;
  readonly delegation: Delegation;
  readonly plan: Plan;
}

/** They follow from the delegation alone: what a try left behind that died, the next one finds and removes. */
export function strangersRecords(delegationId: string, now: Date): StrangersRecords {
  const hash = createHash('sha256').update(`isolation ${delegationId}`).digest('hex');
  const guid = (digits: string) =>
    `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
  const tenantId = guid(hash);
  const userId = guid(hash.slice(32));
  const mark = `isolation-${hash.slice(0, 20)}`;
  const at = now.toISOString();
  const traceparent = traceparentOf(continueTrace(undefined));
  const made = { tenantId, createdBy: userId, createdAt: at, updatedAt: at };
  const work = {
    id: hash.slice(0, 32),
    tenantId,
    agent: 'mcp-debugger',
    task: mark,
    input: {},
    requestedBy: userId,
    planId: mark,
    traceparent,
    deadline: at,
  } as const;
  return {
    principal: {
      tenantId,
      userId,
      kind: 'user',
      clientId: userId,
      roles: ['Admin'],
      expiresAt: now.getTime() + 300_000,
    },
    mark,
    server: {
      ...made,
      slug: mark,
      url: 'https://isolation.invalid/mcp',
      title: mark,
      description: mark,
      tags: [],
      owner: userId,
      // Only the tenant whose gateway this is may share: what another one shares is still its own.
      visibility: 'shared',
      status: 'active',
      statusChangedAt: at,
      planId: mark,
      discovery: {
        era: 'modern',
        protocolVersion: '2026-07-28',
        serverInfo: { name: mark, version: '1' },
        capabilities: { tools: {} },
        tools: [{ name: 'look', description: mark, inputSchema: { type: 'object' } }],
        discoveredAt: at,
      },
    },
    toolset: { ...made, slug: mark, title: mark, description: mark, tools: [], prompts: [], resources: [] },
    // Ended from the start, so that nobody carries it out.
    delegation: finish(newDelegation(work, now), { success: true, result: { mark } }, now),
    plan: {
      id: hash.slice(0, 32),
      tenantId,
      name: mark,
      state: 'succeeded',
      steps: [],
      revision: 1,
      requestedBy: userId,
      traceparent,
      createdAt: at,
      updatedAt: at,
      finishedAt: at,
    },
  };
}

/** Stores all of them. Gives the session that was opened, whose id is the store's to choose; it ends by itself soon. */
export async function storeRecords(
  { server, toolset, delegation, plan, principal, mark }: StrangersRecords,
  { servers, toolsets, delegations, plans, sessions }: IsolationDeps,
): Promise<Session> {
  const added = await Promise.allSettled([
    servers.add(server),
    toolsets.add(toolset),
    delegations.add(delegation),
    plans.add(plan),
  ]);
  // Only now: what is still on its way could not be removed.
  for (const outcome of added) if (outcome.status === 'rejected') throw outcome.reason;
  return sessions.open(principal, mark);
}

/** Removes what is there of them, each by itself. Gives the kinds of those that are still there. */
export async function removeRecords(
  { server, toolset, delegation, plan, principal }: StrangersRecords,
  session: Session | undefined,
  { servers, toolsets, delegations, plans, sessions }: IsolationDeps,
): Promise<readonly string[]> {
  const { tenantId } = principal;
  const removals: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['session', () => (session ? sessions.end(tenantId, session.id) : Promise.resolve())],
    ['server', () => whatIsThere(servers, servers.find(tenantId, server.slug))],
    ['toolset', () => whatIsThere(toolsets, toolsets.find(tenantId, toolset.slug))],
    ['delegation', () => whatIsThere(delegations, delegations.find(tenantId, delegation.id))],
    ['plan', () => whatIsThere(plans, plans.find(tenantId, plan.id))],
  ];
  const outcomes = await Promise.allSettled(removals.map(([, remove]) => remove()));
  return removals.filter((_, index) => outcomes[index]?.status === 'rejected').map(([kind]) => kind);
}

async function whatIsThere<T>(
  store: { remove(value: T, etag: string): Promise<unknown> },
  found: Promise<{ readonly value: T; readonly etag: string } | undefined>,
): Promise<void> {
  const stored = await found;
  if (stored) await store.remove(stored.value, stored.etag);
}
