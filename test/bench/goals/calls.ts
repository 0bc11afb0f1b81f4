import { emptyFunction, type Front, startFront } from '../front.ts';
import type { Measured } from '../goals.ts';
import { inTurns } from '../inTurns.ts';
import { load, type Target } from '../load.ts';
import { connect } from '../mcpClient.ts';
import { peers } from '../peers/peers.ts';
import { installPeers, type RunningPeer, startPeer } from '../peers/startPeer.ts';

const CONNECTIONS = 16;
const MANY_CONNECTIONS = 64;
const ROUNDS = 4;
const SECONDS = 2;

/** What a call costs beside `mcp-proxy` and beside a function that does nothing, and the tail of its latency. */
export async function measureCalls(): Promise<Measured> {
  const folder = installPeers([peers.mcpProxy]);
  const front = await startFront(1);
  const running: RunningPeer[] = [];
  try {
    const theirs = async (...[peer, era]: readonly [typeof peers.mcpProxy, 'legacy' | 'modern']) => {
      const upstream = era === 'legacy' ? (front.urls[0] ?? '') : front.modernUrl;
      const started = await startPeer(peer, folder, era, upstream);
      running.push(started);
      return connect(started.endpoint, era, CONNECTIONS);
    };
    const [json, legacy, modern] = [
      await theirs(peers.mcpProxyJson, 'legacy'),
      await theirs(peers.mcpProxy, 'legacy'),
      await theirs(peers.mcpProxy, 'modern'),
    ];
    const ours = await oursOf(front);
    const rates = {
      rateLegacyJson: await compareRates(ours.legacy('echo'), json('echo')),
      rateLegacyStream: await compareRates(ours.legacy('stream'), legacy('stream')),
      rateModernJson: await compareRates(ours.modern('echo'), modern('echo')),
      rateModernStream: await compareRates(ours.modern('stream'), modern('stream')),
    };
    for (const peer of running.splice(0)) peer.stop();
    return { ...rates, ...(await measureCost(front)), ...(await measureTails(front)) };
  } finally {
    for (const peer of running) peer.stop();
    await front.stop();
  }
}

/** The gateway's calls by the era of the client and of the server. */
async function oursOf({ topology }: Front) {
  const url = `${topology.urls.mcp}/mcp`;
  const headers = { authorization: `Bearer ${await topology.mint({ role: 'User' })}` };
  return {
    legacy: await connect({ url, headers, prefix: 'bare-0__' }, 'legacy', CONNECTIONS),
    modern: await connect({ url, headers, prefix: 'modern__' }, 'modern', CONNECTIONS),
  };
}

async function compareRates(ours: readonly Target[], theirs: readonly Target[]): Promise<readonly number[]> {
  const measured = await inTurns(ROUNDS, [ours, theirs], async (target) => {
    const { perSecond } = await load(target, CONNECTIONS, SECONDS);
    return perSecond;
  });
  return inPairs(measured.get(ours), measured.get(theirs), (own, other) => own / other);
}

async function measureCost(front: Front): Promise<Measured> {
  const { modern } = await oursOf(front);
  const [call, empty] = [modern('echo'), [emptyFunction(front)]];
  const cpuMs = await inTurns(ROUNDS, [call, empty], async (target) => {
    const before = front.cost().cpuMs;
    const { calls } = await load(target, CONNECTIONS, SECONDS);
    return (front.cost().cpuMs - before) / calls;
  });
  return { addedCpu: inPairs(cpuMs.get(call), cpuMs.get(empty), (own, other) => own - other) };
}

async function measureTails(front: Front): Promise<Measured> {
  const { modern } = await oursOf(front);
  const tailOf = (warmUpSeconds: number) => async () => {
    const { p50Ms, p99Ms } = await load(modern('echo'), MANY_CONNECTIONS, SECONDS, warmUpSeconds);
    return p99Ms / p50Ms;
  };
  const [kept, opened] = [tailOf(1), tailOf(0)];
  const tails = await inTurns(ROUNDS, [kept, opened], (tail) => tail());
  return { tailKept: tails.get(kept) ?? [], tailOpened: tails.get(opened) ?? [] };
}

/** Combines the measurements of two by round. */
const inPairs = (
  ours: readonly number[] = [],
  others: readonly number[] = [],
  combine: (own: number, other: number) => number,
): readonly number[] => ours.map((own, round) => combine(own, others[round] ?? Number.NaN));
