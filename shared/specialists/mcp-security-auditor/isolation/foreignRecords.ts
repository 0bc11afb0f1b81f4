import { createHash } from 'node:crypto';
import { LATEST_MODERN } from '../../../gateway/protocol/versions.ts';
import type { Actor } from '../../../identity/access/actor.ts';
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

/** One record of each kind, of a made-up tenant, with a mark to recognise them anywhere. */
export interface ForeignRecords {
  readonly actor: Actor;
  /** Part of a text of each record. */
  readonly mark: string;
  readonly server: ServerRecord;
  readonly toolset: Toolset;
  readonly delegation: Delegation;
  readonly plan: Plan;
}

/** Makes records that depend only on the delegation: a retry finds and removes what an attempt left behind. */
export function makeForeignRecords(delegationId: string, now: Date): ForeignRecords {
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
    actor: {
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
      // Only the operator's tenant may share servers: this one stays private although it is marked as shared.
      visibility: 'shared',
      status: 'active',
      statusChangedAt: at,
      planId: mark,
      discovery: {
        era: 'modern',
        protocolVersion: LATEST_MODERN,
        serverInfo: { name: mark, version: '1' },
        capabilities: { tools: {} },
        tools: [{ name: 'look', description: mark, inputSchema: { type: 'object' } }],
        discoveredAt: at,
      },
    },
    toolset: { ...made, slug: mark, title: mark, description: mark, tools: [], prompts: [], resources: [] },
    // Finished from the start, so that no agent runs it.
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

/** Stores all records, and opens and returns a session. The session store chooses its id, and it expires soon. */
export async function storeRecords(
  { server, toolset, delegation, plan, actor, mark }: ForeignRecords,
  { servers, toolsets, delegations, plans, sessions }: IsolationDeps,
): Promise<Session> {
  const added = await Promise.allSettled([
    servers.add(server),
    toolsets.add(toolset),
    delegations.add(delegation),
    plans.add(plan),
  ]);
  // After all have settled: a write that is still running could not be removed.
  for (const outcome of added) if (outcome.status === 'rejected') throw outcome.reason;
  return sessions.open(actor, mark);
}

/** Removes the records one by one. Returns the kinds of those that could not be removed. */
export async function removeRecords(
  { server, toolset, delegation, plan, actor }: ForeignRecords,
  session: Session | undefined,
  { servers, toolsets, delegations, plans, sessions }: IsolationDeps,
): Promise<readonly string[]> {
  const { tenantId } = actor;
  const removals: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['session', () => (session ? sessions.end(tenantId, session.id) : Promise.resolve())],
    ['server', () => removeFound(servers, servers.find(tenantId, server.slug))],
    ['toolset', () => removeFound(toolsets, toolsets.find(tenantId, toolset.slug))],
    ['delegation', () => removeFound(delegations, delegations.find(tenantId, delegation.id))],
    ['plan', () => removeFound(plans, plans.find(tenantId, plan.id))],
  ];
  const outcomes = await Promise.allSettled(removals.map(([, remove]) => remove()));
  return removals.filter((_, index) => outcomes[index]?.status === 'rejected').map(([kind]) => kind);
}

async function removeFound<T>(
  store: { remove(value: T, etag: string): Promise<unknown> },
  found: Promise<{ readonly value: T; readonly etag: string } | undefined>,
): Promise<void> {
  const stored = await found;
  if (stored) await store.remove(stored.value, stored.etag);
}
