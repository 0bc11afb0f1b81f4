import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { withMadePart } from '../../../infra/madePart.ts';
import { type Era, eraSchema } from '../bareServer.ts';
import { type Front, startFront } from '../front.ts';
import { connect, type Endpoint } from '../mcpClient.ts';
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
async function benchPeers(): Promise<void> {
  const guest = guestOf(process.argv.slice(2));
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
        const standings = await raceClosed(
          entrants.filter(({ passesEvents }) => tool === 'echo' || passesEvents),
          tool,
        );
        races.push({ title: `${revisions[era]}, ${answers[tool]}`, standings });
        console.error(`${revisions[era]}, ${answers[tool]}: done`);
        if (era === 'legacy' && tool === 'echo') open = await raceOpen(standings);
      }
      for (const peer of running.splice(0)) peer.stop();
    }
    const report = reportOf(races, open, versions());
    if (guest) console.log(report);
    else await writeFile(page, await withMadePart(page, 'test/bench/peers', report, 'npm run bench:peers'));
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
    const started = await startPeer(peer, folder, era, upstream);
    running.push(started);
    entrants.push(await entrant({ ...peer, ...started.endpoint }, era, () => started.cpuMs()));
  }
  return entrants;
}

type Named = Endpoint & Pick<Peer, 'name' | 'note'> & Partial<Pick<Peer, 'passesEvents'>>;

async function entrant(named: Named, era: Era, cpuMs: Entrant['cpuMs'] = () => Number.NaN): Promise<Entrant> {
  const { name, note, passesEvents = true } = named;
  return { name, note, passesEvents, cpuMs, calls: await connect(named, era, CONNECTIONS) };
}

function versions(): string {
  const packages = new Set(Object.values<Peer>(peers).flatMap(({ package: name }) => name ?? []));
  return `Versions: ${[...packages].map((name) => `\`${name}\``).join(', ')}.`;
}

/** @throws on arguments that are not known */
function guestOf(args: string[]): (Named & Pick<Peer, 'eras'>) | undefined {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string' },
      name: { type: 'string', default: 'guest' },
      prefix: { type: 'string', default: '' },
      header: { type: 'string', multiple: true, default: [] },
      era: { type: 'string', multiple: true, default: ['legacy'] },
    },
  });
  const { url, name, prefix } = values;
  if (url === undefined) return undefined;
  const headers = Object.fromEntries(
    values.header.map((header) => {
      const [key = '', ...value] = header.split(':');
      return [key, value.join(':').trim()];
    }),
  );
  const eras = values.era.map((era) => eraSchema.parse(era));
  return { url, name, note: 'runs elsewhere', prefix, headers, eras };
}

await benchPeers();
