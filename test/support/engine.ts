import type { AuditEvent } from '../../shared/audit/model/record.ts';
import { azureTableRevocationStore } from '../../shared/identity/access/revocation.ts';
import { createRevocations, type Revocations } from '../../shared/identity/access/revocations.ts';
import { createSessionStore, type SessionStore } from '../../shared/identity/sessions/sessionStore.ts';
import { createAgentActivity } from '../../shared/orchestration/agents/activity.ts';
import { createAgentLoads } from '../../shared/orchestration/agents/loads.ts';
import { createProgressBoard } from '../../shared/orchestration/agents/progress.ts';
import type { DelegateDeps } from '../../shared/orchestration/engine/delegate.ts';
import { createDispatcher } from '../../shared/orchestration/engine/dispatcher.ts';
import { runDelegation } from '../../shared/orchestration/engine/runDelegation.ts';
import { sweepStuck } from '../../shared/orchestration/engine/sweepStuck.ts';
import type { Agent } from '../../shared/orchestration/model/agents.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { standardRoutes } from '../../shared/orchestration/model/eventRoutes.ts';
import type { BacklogStore } from '../../shared/orchestration/model/stores.ts';
import { type QualityGates, standardGates } from '../../shared/orchestration/plans/qualityGates.ts';
import type { PlanDeps } from '../../shared/orchestration/plans/requestPlan.ts';
import { createResourcePools, type ResourcePools } from '../../shared/orchestration/pools/resourcePools.ts';
import { azureTableBacklogStore } from '../../shared/orchestration/stores/azureTableBacklog.ts';
import {
  azureTableDelegationStore,
  azureTablePlanStore,
} from '../../shared/orchestration/stores/azureTableStores.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { MessageSender } from '../../shared/platform/serviceBus/messageSender.ts';
import { azureTableStateStore } from '../../shared/platform/state/azureTableStateStore.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { continueTrace } from '../../shared/platform/telemetry/trace.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import type { PublishingDeps } from '../../shared/registry/versions/publishRecord.ts';
import { testCredentials } from './credentials.ts';
import { memoryTables } from './memoryTables.ts';
import { testSeal } from './seal.ts';

const start = Date.UTC(2026, 0, 1);

/** An administrator of the tenant `t1`, signed in for an hour. */
export const caller: Caller = {
  actor: {
    tenantId: 't1',
    userId: 'u1',
    kind: 'user',
    clientId: 'c',
    roles: ['Admin'],
    expiresAt: start + 3_600_000,
  },
  trace: continueTrace(undefined),
};

const away = () => Promise.reject(new InfrastructureError('redis', 'test', undefined));

export interface Faults {
  /** Throws on the operation with this number, as an outage does. */
  readonly faultAt?: number;
  /** Everything after the operation with this number throws until `recover`: the process has died. */
  readonly deadFrom?: number;
  /** Messages are delivered twice, the newest first. */
  readonly disorder?: boolean;
}

export interface QueuedMessage {
  readonly agent: Agent;
  readonly messageId: string;
  readonly body: object;
  deliveries: number;
}

export interface TestEngine {
  readonly deps: DelegateDeps &
    PublishingDeps &
    PlanDeps & {
      readonly pools: ResourcePools;
      readonly sessions: SessionStore;
      readonly revocations: Revocations;
    };
  readonly queue: QueuedMessage[];
  readonly backlog: BacklogStore;
  readonly audited: AuditEvent[];
  /** Delivers as Service Bus does: a handler that throws gets its message again, at most five times. */
  drain(tasks: TaskCatalogue): Promise<void>;
  /** The process is back, locks and leases have ended, and the sweeper has run a few times. */
  recover(tasks: TaskCatalogue): Promise<void>;
  /** Redis has restarted: it has lost all that it had. */
  forgetState(): void;
  /** Redis answers nothing, until it does again. */
  setStateAway(isAway: boolean): void;
  advance(seconds: number): void;
  /** Operations on tables and queues so far. */
  operations(): number;
  /** The same by name. */
  log(): readonly string[];
}

/** The engine with queues, tables and time in memory; every operation on them is counted and may fail. */
export function testEngine(faults: Faults = {}, gates: QualityGates = standardGates): TestEngine {
  const operations: string[] = [];
  let ids = 0;
  let dead = false;
  let now = start;
  const before = (operation: string) => {
    const count = operations.push(operation);
    if (count === faults.deadFrom) dead = true;
    if (dead || count === faults.faultAt) throw new InfrastructureError('tables', 'test', undefined);
  };
  const tables = memoryTables(before);
  const queue: QueuedMessage[] = [];
  const seen = new Set<string>();
  const audited: AuditEvent[] = [];
  const clock = { now: () => new Date(now) };
  // Ids begin with a hexadecimal digit, as random ones do.
  const newId = () => `a${String((ids += 1)).padStart(4, '0')}`;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const delegations = azureTableDelegationStore(tables, ['t1', 't2']);
  const openState = () => azureTableStateStore(memoryTables(before), clock).state;
  const durable = azureTableStateStore(tables, clock).state;
  let redis = openState();
  let isRedisAway = false;
  const state = new Proxy(redis, {
    get: (_, name: keyof StateStore): unknown => (isRedisAway ? away : Reflect.get(redis, name)),
  });
  const stateDeps = { state, clock, newId, log };
  const sender: MessageSender = {
    send(agent, { messageId, body }) {
      return Promise.resolve().then(() => {
        before(`send ${agent}`);
        if (seen.has(messageId)) return;
        seen.add(messageId);
        const copy = JSON.parse(JSON.stringify(body)) as object;
        const message = { agent: agent as Agent, messageId, body: copy, deliveries: 0 };
        queue.push(message, ...(faults.disorder ? [{ ...message }] : []));
      });
    },
  };
  const tenants = new Set(['t1', 't2']);
  const backlog = azureTableBacklogStore(tables);
  const sessions = createSessionStore({
    ...stateDeps,
    durable,
    newId: randomId,
    app: 'management',
    seal: testSeal,
  });
  const deps: TestEngine['deps'] = {
    servers: azureTableServerStore(tables),
    versions: azureTableVersionStore(tables),
    delegations,
    plans: azureTablePlanStore(tables, ['t1', 't2']),
    sender,
    dispatcher: createDispatcher({ delegations, backlog, sender, clock, log, tenants }),
    sessions,
    revocations: createRevocations({
      ...stateDeps,
      store: azureTableRevocationStore(memoryTables()),
      endSignInsOf: (tenantId, userId) => sessions.endAllOf(tenantId, userId),
    }),
    pools: createResourcePools({ ...stateDeps, tenants }),
    shortLived: state,
    eventRoutes: standardRoutes,
    gates,
    loads: createAgentLoads({ delegations, state, clock }),
    activity: createAgentActivity({ ...stateDeps, instanceId: 'test' }),
    progress: createProgressBoard(stateDeps),
    audit: { append: (event) => void audited.push(event) },
    clock,
    newId,
    log,
    upstreamPolicy: 'public',
    publicOrigin: 'https://gateway.example.com',
    tenants,
    operatorTenant: 't1',
    seal: testSeal,
    credentials: testCredentials(
      { 'stock-key': { value: 'Bearer s', origins: ['https://stock.example.com'] } },
      ['t1', 't2'],
    ),
  };
  const take = () => (faults.disorder ? queue.pop() : queue.shift());

  async function drain(tasks: TaskCatalogue) {
    for (let message = take(); message; message = take()) {
      message.deliveries += 1;
      try {
        await runDelegation(message.body, message.agent, tasks, deps);
      } catch {
        if (message.deliveries < 5) queue.push(message);
      }
    }
  }

  return {
    deps,
    queue,
    backlog,
    audited,
    drain,
    async recover(tasks) {
      dead = false;
      for (let round = 0; round < 4; round++) {
        now += 5 * 30_000;
        await sweepStuck(deps);
        await drain(tasks);
      }
    },
    forgetState: () => void (redis = openState()),
    setStateAway: (isAway) => void (isRedisAway = isAway),
    advance: (seconds) => void (now += seconds * 1000),
    operations: () => operations.length,
    log: () => operations,
  };
}
