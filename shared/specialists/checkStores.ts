import { InfrastructureError } from '../platform/base/errors.ts';
import type { OpenedStateStore } from '../platform/state/openStateStore.ts';
import type { TableCodec } from '../platform/tables/tables.ts';
import { tableNames } from '../platform/config/topology.ts';
import type { SpecialistDeps } from './deps.ts';
import type { Finding } from './finding.ts';
import { type StoreFault, type StoreFaultKind, classifyStoreFault } from './storeFault.ts';
import { withinTime } from './withTimeout.ts';

/** Far more than an operation takes, and short enough to leave time to say so. */
const WITHIN_MS = 4_000;
const STATE_FOR_MS = 60_000;

/** What one try at a store came to. */
export interface Tried {
  /** A table's name, or `state`. */
  readonly store: string;
  readonly durationMs: number;
  readonly fault?: StoreFault;
}

export interface StoresLook {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

type StoresDeps = Pick<SpecialistDeps, 'openTable' | 'state' | 'newId' | 'config'>;

/** Tries every table and the store of short-lived state from this app, all at once, and says which do not answer and why. */
export async function lookAtStores(deps: StoresDeps, signal: AbortSignal): Promise<StoresLook> {
  const { config, state } = deps;
  const [tables, kept] = await Promise.all([
    Promise.all(tableNames.map((name) => tryTable(name, deps, signal))),
    tryState(deps, signal),
  ]);
  return {
    facts: { app: config.app, tables: tables.map(shown), state: { kind: state.kind, ...shown(kept) } },
    findings: storeFindings(tables, kept, state.kind, config.app),
  };
}

const shown = ({ store, durationMs, fault }: Tried) => ({ store, durationMs, ...(fault && { fault }) });

/** A row that there is not: whether the table is there, answers, and lets this app read. */
const nothing: TableCodec<never> = {
  key: () => ({ partition: '', row: '' }),
  columns: () => ({}),
  parse: () => {
    throw new Error('nobody writes this row');
  },
};

const tryTable = (name: string, { openTable }: StoresDeps, signal: AbortSignal): Promise<Tried> =>
  attempt(name, signal, () => openTable(name, nothing).get({ partition: 'no-tenant', row: 'no-row' }));

/** Writes a value, reads it back and removes it. */
const tryState = ({ state: { state }, newId }: StoresDeps, signal: AbortSignal): Promise<Tried> =>
  attempt('state', signal, async () => {
    const key = `mreg:look:${newId()}`;
    await state.set(key, key, STATE_FOR_MS);
    if ((await state.get(key)) !== key)
      throw new InfrastructureError('state', 'read back', new Error('MISCONF what was written is not there'));
    await state.delete(key);
  });

async function attempt(store: string, signal: AbortSignal, act: () => Promise<unknown>): Promise<Tried> {
  const startedAt = performance.now();
  const tried = await withinTime(WITHIN_MS, signal, async () => {
    try {
      await act();
      return undefined;
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      return classifyStoreFault(error);
    }
  });
  const fault: StoreFault | undefined = tried.ok ? tried.value : { kind: 'timeout', code: 'NO_ANSWER' };
  return { store, durationMs: Math.round(performance.now() - startedAt), ...(fault && { fault }) };
}

const happened: Readonly<Record<StoreFaultKind, string>> = {
  unreachable: 'cannot be reached: its host is not found, or the connection breaks',
  refused: 'refuses the connection: nothing listens there',
  timeout: 'does not answer in time',
  auth: 'does not let the app in',
  missing_table: 'is not there',
  busy: 'answers, but cannot do the work now',
  other: 'fails',
};

const remedies: Readonly<Record<'tables' | 'redis', Readonly<Record<StoreFaultKind, string>>>> = {
  tables: {
    unreachable:
      'Check the account that MREG_TABLES names, its DNS name and the network between it and the app.',
    refused: 'Start the storage service, or correct the endpoint in MREG_TABLES.',
    timeout:
      'Look at the metrics of the storage account for throttling, and at the network between it and the app.',
    auth: "Give the app's identity the role Storage Table Data Contributor, or renew the key in MREG_TABLES.",
    missing_table:
      'Create the table: deploy the infrastructure again, which makes all tables of the topology.',
    busy: 'The service throttles or restarts: try again in a minute, and if it stays look at its metrics.',
    other: 'The log of the app names the cause under the trace of this delegation.',
  },
  redis: {
    unreachable: 'Check the host in MREG_REDIS_URL, its DNS name and the network between it and the app.',
    refused: 'Start Redis, or correct the port in MREG_REDIS_URL.',
    timeout: 'Look at the load and memory of Redis: a long command or a full host keeps all others waiting.',
    auth: 'Correct the user and key in MREG_REDIS_URL, or the permissions of that user.',
    missing_table: 'Deploy the infrastructure again.',
    busy: 'Redis is loading, full, read-only or in failover: look at its state; it must be set to noeviction.',
    other: 'The log of the app names the cause under the trace of this delegation.',
  },
};

/** One finding for what all tables have in common, else one a table. */
export function storeFindings(
  tables: readonly Tried[],
  kept: Tried,
  stateKind: OpenedStateStore['kind'],
  app: string,
): readonly Finding[] {
  const faults = tables.flatMap(({ store, durationMs, fault }) =>
    fault ? [{ store, durationMs, ...fault }] : [],
  );
  const kinds = new Set(faults.map(({ kind }) => kind));
  const [first] = faults;
  const findings: Finding[] = [];
  if (first && faults.length === tables.length && kinds.size === 1) {
    findings.push({
      rule: `tables_${first.kind}`,
      severity: 'critical',
      message: `Azure Tables, as the ${app} app sees it, ${happened[first.kind]}`,
      evidence: { app, tables: faults.length, code: first.code, durationMs: first.durationMs },
      remedy: remedies.tables[first.kind],
    });
  } else {
    findings.push(
      ...faults.map(({ store, kind, code, durationMs }): Finding => ({
        rule: kind === 'missing_table' ? 'missing_table' : `table_${kind}`,
        severity: 'critical',
        message: `the table ${store}, as the ${app} app sees it, ${happened[kind]}`,
        evidence: { app, table: store, code, durationMs },
        remedy: remedies.tables[kind],
      })),
    );
  }
  if (kept.fault) {
    const { kind, code } = kept.fault;
    const isRedis = stateKind === 'redis';
    findings.push({
      rule: `${isRedis ? 'redis' : 'state'}_${kind}`,
      severity: 'critical',
      message: `${isRedis ? 'Redis' : 'the short-lived state in the tables'}, as the ${app} app sees it, ${happened[kind]}`,
      evidence: { app, code, durationMs: kept.durationMs },
      remedy: remedies[isRedis ? 'redis' : 'tables'][kind],
    });
  }
  return findings;
}
