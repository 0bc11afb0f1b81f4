import { randomBytes, randomUUID } from 'node:crypto';
import { type Audit, openAudit } from '../../shared/audit/journal/audit.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import { createDigest } from '../../shared/audit/model/hashChain.ts';
import { searchTrail } from '../../shared/audit/model/searchTrail.ts';
import type { TrailStore } from '../../shared/audit/model/trailStore.ts';
import { verifyTrail } from '../../shared/audit/verify/verifyTrail.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { openTableClient } from '../../shared/platform/tables/openTables.ts';
import { jsonLog } from '../../shared/platform/telemetry/log.ts';
import { startAzurite } from '../support/azurite.ts';
import { judge } from './goals.ts';
import { costOf, listenerOn } from './processCost.ts';

const tenantId = randomUUID();
/** Instances that write at the same time, each its own chain. */
const INSTANCES = 3;
const ACTORS = Array.from({ length: 200 }, () => randomUUID());
const MEASURED = 10_000;
/** Records that arrive before the instances store what waits: a second of 400 calls, over three instances. */
const A_SECOND = 400;
const SEARCHES = 30;
const PAGE = 30;

/**
 * What the audit trail costs: CPU of the table service and of the app for each record that is added to a trail of some length, and
 * the time to list, to search and to verify that trail. The table service is Azurite, in a process of its own.
 */
export async function benchAudit(lengths: readonly number[] = [100_000]): Promise<void> {
  console.log('\nAudit trail');
  const azurite = await startAzurite({ alone: true });
  try {
    await (await openTableClient(azurite.connectionString, 'audit')).createTable();
    const pid = listenerOn(
      Number(/:(\d+)\//.exec(azurite.connectionString.split('TableEndpoint=')[1] ?? '')?.[1]),
    );
    const store = azureTableTrailStore(azurite.connectionString);
    const log = jsonLog('management');
    const audits = Array.from({ length: INSTANCES }, () =>
      openAudit({ store, clock: systemClock, newId: randomId, log }),
    );
    let length = 0;
    for (const wanted of lengths) {
      await add(audits, wanted - length, 5_000);
      const [stored, own] = [costOf(pid), process.cpuUsage()];
      await add(audits, MEASURED, A_SECOND);
      const used = process.cpuUsage(own);
      length = wanted + MEASURED;
      console.log(`  of ${wanted} records`);
      const { measured, limit, isMet } = judge('storeCpu', [(costOf(pid).cpuMs - stored.cpuMs) / MEASURED]);
      row('CPU of the store', measured, `ms a record, ${isMet ? 'met' : 'NOT MET'}: at most ${limit}`);
      row('CPU of the app', (used.user + used.system) / 1_000 / MEASURED, 'ms a record');
      await printReads(store, length);
    }
  } finally {
    await azurite.stop();
  }
}

async function printReads(store: TrailStore, length: number): Promise<void> {
  const [, , actor = ''] = ACTORS;
  row('newest page', await p50(() => searchTrail(store, tenantId, {}, PAGE)), `ms p50, ${PAGE} records`);
  row('page of an actor', await p50(() => searchTrail(store, tenantId, { actor }, PAGE)), 'ms p50');
  const beganAt = performance.now();
  let after: string | undefined;
  let requests = 0;
  do {
    ({ after } = await searchTrail(store, tenantId, { actor: 'nobody' }, PAGE, after));
    requests += 1;
  } while (after !== undefined);
  row('search for nobody', performance.now() - beganAt, `ms for the whole trail, ${requests} requests`);
  const verifiedAt = performance.now();
  const signal = new AbortController().signal;
  const { verified, firstBad } = await verifyTrail(tenantId, {}, { store, digest: createDigest(), signal });
  if (verified !== length || firstBad) throw new Error(`${verified} of ${length} records were verified`);
  row('verification', verified / ((performance.now() - verifiedAt) / 1_000), 'records a second');
}

/** Adds records to the trails of all instances, and lets them store what waits whenever so many were added. */
async function add(audits: readonly Audit[], count: number, atOnce: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    audits[index % INSTANCES]?.append({
      tenantId,
      actor: ACTORS[index % ACTORS.length] ?? '',
      actorName: `User ${index % ACTORS.length}`,
      action: 'tools/call',
      resource: `servers/toolbox-${index % 9}/tools/convert_units_${index % 20}`,
      decision: 'allowed',
      outcome: 'succeeded',
      durationMs: index % 17,
      traceId: randomBytes(16).toString('hex'),
    });
    if (index % atOnce === atOnce - 1) await Promise.all(audits.map((audit) => audit.flush()));
  }
  await Promise.all(audits.map((audit) => audit.flush()));
}

async function p50(read: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < SEARCHES; index++) {
    const beganAt = performance.now();
    await read();
    times.push(performance.now() - beganAt);
  }
  return times.toSorted((a, b) => a - b)[SEARCHES >> 1] ?? Number.NaN;
}

function row(name: string, value: number, unit: string): void {
  const digits = value < 1 ? 4 : value < 100 ? 1 : 0;
  console.log(`    ${name.padEnd(18)} ${value.toFixed(digits).padStart(9)} ${unit}`);
}

if (import.meta.main) await benchAudit(process.argv.slice(2).map(Number));
