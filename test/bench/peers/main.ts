import { writeFile } from 'node:fs/promises';
import { withMadePart } from '../../../infra/madePart.ts';
import type { Era } from '../bareServer.ts';
import { runCommand } from '../command.ts';
import { type Front, startFront } from '../front.ts';
import { connect } from '../mcpClient.ts';
import { prepare } from '../prepare.ts';
import { checkGuest, guestOf, type Named } from './guest.ts';
import { type Peer, peers } from './peers.ts';
import { CONNECTIONS, type Entrant, type OpenStanding, raceClosed, raceOpen } from './race.ts';
import { type Race, reportOf } from './report.ts';
import { installPeers, type RunningPeer, startPeer } from './startPeer.ts';

const page = new URL('../../../docs/performance.md', import.meta.url).pathname;
const revisions = { legacy: '2025-11-25', modern: '2026-07-28' } as const satisfies Record<Era, string>;
const answers = { echo: 'JSON answers', stream: 'event streams' } as const;

/**
 * `npm run bench:peers`: the gateway and its peers in front of the same bare server, driven by the same loader. Writes the result
 * into `docs/performance.md`. With `--url` it also drives an endpoint that already runs, and only prints.
 */
async function benchPeers(args: string[]): Promise<void> {
  const guest = guestOf(args);
  if (guest) await checkGuest(guest);
  await prepare();
  const names = [...Object.values<Peer>(peers), ...(guest ? [guest] : [])].map(({ name }) => name);
  console.error(`Peers: ${names.join('; ')}. This takes seven to eight minutes.`);
  const folder = installPeers(Object.values(peers));
  const front = await startFront(1);
  const running: RunningPeer[] = [];
  try {
    const races: Race[] = [];
    let open: readonly OpenStanding[] = [];
    for (const era of ['legacy', 'modern'] as const) {
      const entrants = await entrantsOf(era, front, folder, running);
      if (guest?.eras.includes(era)) entrants.push(await entrant(guest, era));
      for (const tool of ['echo', 'stream'] as const) {
        const title = `${revisions[era]}, ${answers[tool]}`;
        const standings = await raceClosed(
          title,
          entrants.filter(({ passesEvents }) => tool === 'echo' || passesEvents),
          tool,
        );
        races.push({ title, standings });
        if (era === 'legacy' && tool === 'echo') open = await raceOpen(standings);
      }
      for (const peer of running.splice(0)) peer.stop();
    }
    const report = reportOf(races, open, versions());
    console.log(report);
    if (guest) return;
    await writeFile(page, await withMadePart(page, 'test/bench/peers', report, 'npm run bench:peers'));
    console.error('Wrote docs/performance.md');
  } finally {
    for (const peer of running) peer.stop();
    await front.stop();
  }
}

/** The gateway first, then the bare server itself and the peers that speak this era. */
async function entrantsOf(
  era: Era,
  front: Front,
  folder: string,
  running: RunningPeer[],
): Promise<Entrant[]> {
  const { topology, urls, modernUrl } = front;
  const upstream = era === 'legacy' ? (urls[0] ?? '') : modernUrl;
  const ours = {
    name: 'this gateway',
    note: 'all of it, as `npm start` runs it',
    url: `${topology.urls.mcp}/mcp`,
    headers: { authorization: `Bearer ${await topology.mint({ role: 'User' })}` },
    prefix: era === 'legacy' ? 'bare-0__' : 'modern__',
  };
  const entrants = [
    await entrant(ours, era, () => front.cost().cpuMs),
    await entrant({ name: 'the bare server directly', note: 'no hop at all', url: upstream }, era),
  ];
  for (const peer of Object.values<Peer>(peers).filter(({ eras }) => eras.includes(era))) {
    console.error(`Starting ${peer.name} for ${revisions[era]}`);
    const started = await startPeer(peer, folder, era, upstream);
    running.push(started);
    entrants.push(await entrant({ ...peer, ...started.endpoint }, era, () => started.cpuMs()));
  }
  return entrants;
}

async function entrant(named: Named, era: Era, cpuMs: Entrant['cpuMs'] = () => Number.NaN): Promise<Entrant> {
  const { name, note, passesEvents = true, startsProcesses = false } = named;
  return { name, note, passesEvents, startsProcesses, cpuMs, calls: await connect(named, era, CONNECTIONS) };
}

function versions(): string {
  const packages = new Set(Object.values<Peer>(peers).flatMap(({ package: name }) => name ?? []));
  return `Versions: ${[...packages].map((name) => `\`${name}\``).join(', ')}.`;
}

const usage = `npm run bench:peers [-- --url URL --name NAME --prefix PREFIX --header 'NAME: VALUE' --era legacy --era modern]

Measures the gateway beside its peers, and writes docs/performance.md. It needs the npm registry, and takes seven to eight minutes.
With --url it also drives an endpoint that already runs, prints the tables and leaves the page as it is.
--prefix stands before the names of tools there. --era is legacy (the default) or modern; --era and --header can be repeated.`;

await runCommand(usage, benchPeers);
