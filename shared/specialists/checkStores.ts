import { InfrastructureError } from '../platform/base/errors.ts';
import { tableNames } from '../platform/config/topology.ts';
import type { OpenedStateStore } from '../platform/state/openStateStore.ts';
import type { TableCodec } from '../platform/tables/tables.ts';
import type { SpecialistDeps } from './deps.ts';
import { defineFindings, type Finding } from './finding.ts';
import type { Inspection } from './inspection.ts';
import { classifyStoreFault, type StoreFault, type StoreFaultKind } from './storeFault.ts';
import { withTimeout } from './withTimeout.ts';

/** Far more than an operation takes, and short enough to leave the task time to answer. */
const WITHIN_MS = 4_000;
const STATE_FOR_MS = 60_000;

/** The outcome of one operation on a store. */
interface Probed {
  /** The name of a table, or `state`. */
  readonly store: string;
  readonly durationMs: number;
  readonly fault?: StoreFault;
}

type StoresDeps = Pick<SpecialistDeps, 'openTable' | 'state' | 'newId' | 'config'>;

/** Probes every table and the state store from this app, all at once, and says which of them do not answer and why. */
export async function checkStores(deps: StoresDeps, signal: AbortSignal): Promise<Inspection> {
  const { config, state } = deps;
  const [tables, kept] = await Promise.all([
    Promise.all(tableNames.map((name) => probeTable(name, deps, signal))),
    probeState(deps, signal),
  ]);
  return {
    facts: { app: config.app, tables: tables.map(shown), state: { kind: state.kind, ...shown(kept) } },
    findings: storeFindings(tables, kept, state.kind, config.app),
  };
}

const shown = ({ store, durationMs, fault }: Probed) => ({ store, durationMs, ...(fault && { fault }) });

/** Reads a missing row: this shows that the table exists, answers and lets this app read. */
const missingRow: TableCodec<never> = {
  key: () => ({ partition: '', row: '' }),
  columns: () => ({}),
  parse: () => {
    throw new Error('no app writes this row');
  },
};

const probeTable = (name: string, { openTable }: StoresDeps, signal: AbortSignal): Promise<Probed> =>
  probe(name, signal, () => openTable(name, missingRow).get({ partition: 'no-tenant', row: 'no-row' }));

/** Writes a value, reads it back and removes it. */
const probeState = ({ state: { state }, newId }: StoresDeps, signal: AbortSignal): Promise<Probed> =>
  probe('state', signal, async () => {
    const key = `mreg:probe:${newId()}`;
    await state.set(key, key, STATE_FOR_MS);
    if ((await state.get(key)) !== key)
      throw new InfrastructureError(
        'state',
        'read back',
        new Error('MISCONF the value that was written is missing'),
      );
    await state.delete(key);
  });

async function probe(store: string, signal: AbortSignal, act: () => Promise<unknown>): Promise<Probed> {
  const startedAt = performance.now();
  const probed = await withTimeout(WITHIN_MS, signal, async () => {
    try {
      await act();
      return undefined;
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      return classifyStoreFault(error);
    }
  });
  const fault: StoreFault | undefined = probed.ok ? probed.value : { kind: 'timeout', code: 'NO_ANSWER' };
  return { store, durationMs: Math.round(performance.now() - startedAt), ...(fault && { fault }) };
}

const symptoms: Readonly<Record<StoreFaultKind, string>> = {
  unreachable: 'cannot be reached: its host is not found, or the connection breaks',
  refused: 'refuses the connection: nothing listens there',
  timeout: 'does not answer in time',
  auth: 'does not let the app in',
  missing_table: 'is missing',
  busy: 'answers, but cannot do the work now',
  other: 'fails',
};

const readLog = 'The log of the app has the cause, under the trace of this delegation.';
const remedies: Readonly<Record<'tables' | 'redis', Readonly<Record<StoreFaultKind, string>>>> = {
  tables: {
    unreachable:
      'Check the account that MREG_TABLES names, its DNS name and the network between it and the app.',
    refused: 'Start the storage service, or correct the endpoint in MREG_TABLES.',
    timeout:
      'Check the metrics of the storage account for throttling, and the network between it and the app.',
    auth: "Give the app's identity the role Storage Table Data Contributor, or renew the key in MREG_TABLES.",
    missing_table:
      'Create the table: deploy the infrastructure again, which makes all tables of the topology.',
    busy: 'The service throttles or restarts. Try again in a minute; if it stays so, check its metrics.',
    other: readLog,
  },
  redis: {
    unreachable: 'Check the host in MREG_REDIS_URL, its DNS name and the network between it and the app.',
    refused: 'Start Redis, or correct the port in MREG_REDIS_URL.',
    timeout: 'Check the load and memory of Redis: a long command or a full host delays all others.',
    auth: 'Correct the user and key in MREG_REDIS_URL, or the permissions of that user.',
    missing_table: 'Deploy the infrastructure again.',
    busy: 'Redis is loading, full, read-only or in failover: check its state. Its eviction policy must be noeviction.',
    other: readLog,
  },
};

type Fault = StoreFault & { readonly app: string; readonly durationMs: number };

const tableFault = ({ app, store: table, kind, code, durationMs }: Fault & { readonly store: string }) => ({
  variant: kind,
  severity: 'critical' as const,
  message: `the table ${table}, as the ${app} app sees it, ${symptoms[kind]}`,
  evidence: { app, table, code, durationMs },
  remedy: remedies.tables[kind],
});
const stateFault = (store: 'tables' | 'redis', name: string) => (facts: Fault) => ({
  variant: facts.kind,
  severity: 'critical' as const,
  message: `${name}, as the ${facts.app} app sees it, ${symptoms[facts.kind]}`,
  evidence: { app: facts.app, code: facts.code, durationMs: facts.durationMs },
  remedy: remedies[store][facts.kind],
});

const finding = defineFindings({
  'tables_*': ({ app, kind, code, durationMs, tables }: Fault & { readonly tables: number }) => ({
    variant: kind,
    severity: 'critical',
    message: `Azure Tables, as the ${app} app sees it, ${symptoms[kind]}`,
    evidence: { app, tables, code, durationMs },
    remedy: remedies.tables[kind],
  }),
  missing_table: tableFault,
  'table_*': tableFault,
  'redis_*': stateFault('redis', 'Redis'),
  'state_*': stateFault('tables', 'the short-lived state in the tables'),
});

/** Returns one finding if all tables have the same fault, else one for each table with a fault. */
function storeFindings(
  tables: readonly Probed[],
  kept: Probed,
  stateKind: OpenedStateStore['kind'],
  app: string,
): readonly Finding[] {
  const faults = tables.flatMap(({ store, durationMs, fault }) =>
    fault ? [{ app, store, durationMs, ...fault }] : [],
  );
  const [first] = faults;
  const isService =
    first && faults.length === tables.length && faults.every(({ kind }) => kind === first.kind);
  const { fault, durationMs } = kept;
  return [
    ...(isService
      ? [finding('tables_*', { ...first, tables: faults.length })]
      : faults.map((each) => finding(each.kind === 'missing_table' ? 'missing_table' : 'table_*', each))),
    ...(fault ? [finding(stateKind === 'redis' ? 'redis_*' : 'state_*', { app, durationMs, ...fault })] : []),
  ];
}
