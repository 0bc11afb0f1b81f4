import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../support/freePort.ts';
import { emptyFunction, type Front, startFront, toolCall } from '../front.ts';
import type { Measured } from '../goals.ts';
import { inTurns } from '../inTurns.ts';
import { count, load, type Target } from '../load.ts';
import { openInspector } from '../openInspector.ts';
import { costOf, listenerOn } from '../processCost.ts';

const CONNECTIONS = 16;
const ROUNDS = 4;
const SECONDS = 2;
/** Longer than records of the audit wait. */
const FLUSH_MS = 3_000;
const SAMPLED_CALLS = 2_000;
/** An object that is gone when the sampling stops counts too. */
const sampling = {
  samplingInterval: 16_384,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
} as const;

/**
 * What calls leave in the processes: the memory of the app after 100,000 of them, then, with as many records there, the CPU of the
 * table service for each, and the bytes that the app allocates for each.
 */
export async function measureProcesses(): Promise<Measured> {
  const inspectorPort = await freePort();
  const settingsOf = { mcp: { NODE_OPTIONS: `--inspect-port=127.0.0.1:${inspectorPort}` } };
  const front = await startFront(1, 0, { settingsOf });
  try {
    const { urls } = front.topology;
    const call = front.at(urls.mcp, '/mcp', toolCall('bare-0__echo'));
    return {
      ...(await measureMemory(front, call)),
      storeCpu: await measureStore(front, call),
      addedBytes: await measureBytes(front, front.modernCall(urls.mcp, 'modern__echo'), inspectorPort),
    };
  } finally {
    await front.stop();
  }
}

async function measureMemory({ cost }: Front, call: Target): Promise<Measured> {
  await count(call, CONNECTIONS, 20_000);
  const before = cost().residentMb;
  await count(call, CONNECTIONS, 80_000);
  const after = cost().residentMb;
  return { memory: [after], memoryGrowth: [after - before] };
}

async function measureStore({ topology }: Front, call: Target): Promise<readonly number[]> {
  const store = listenerOn(topology.ports.table);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await delay(FLUSH_MS);
    const before = costOf(store).cpuMs;
    const { calls } = await load(call, CONNECTIONS, SECONDS);
    await delay(FLUSH_MS);
    rounds.push((costOf(store).cpuMs - before) / calls);
  }
  return rounds;
}

/** Opens the inspector last, because a process that is inspected costs more. */
async function measureBytes(front: Front, call: Target, port: number): Promise<readonly number[]> {
  process.kill(listenerOn(front.topology.ports.mcp), 'SIGUSR1');
  const inspector = await openInspector(port);
  const empty = emptyFunction(front);
  for (const target of [call, empty]) await count(target, CONNECTIONS, SAMPLED_CALLS);
  const kilobytes = await inTurns(ROUNDS, [call, empty], async (target) => {
    await inspector.ask('HeapProfiler.startSampling', sampling);
    await count(target, CONNECTIONS, SAMPLED_CALLS);
    const profile = await inspector.ask('HeapProfiler.stopSampling');
    return inspector.sampledBytes(profile) / SAMPLED_CALLS / 1_000;
  });
  inspector.close();
  const alone = kilobytes.get(empty) ?? [];
  return (kilobytes.get(call) ?? []).map((own, round) => own - (alone[round] ?? Number.NaN));
}
