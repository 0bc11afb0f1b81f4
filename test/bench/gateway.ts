import { emptyFunction, startFront, toolCall } from './front.ts';
import { load, type Measured, type Target } from './load.ts';

const MANY = 10;

interface Row extends Measured {
  /** Of the mcp app, for each call. */
  readonly cpuMs: number;
}
type Rows = Readonly<Record<string, Row>>;

/**
 * What the gateway adds to `tools/call`: the bare upstream directly, a plain proxy, a POST that a function of the same host
 * answers without doing anything, and the gateway with sign-in, catalogue and audit in front of one upstream and of ten. In
 * one run, in turns, so that the ratios hold where the figures do not.
 */
export async function benchGateway(seconds = 4): Promise<void> {
  const front = await startFront(MANY);
  try {
    const { at, urls, topology } = front;
    const origin = new URL(urls[0] ?? '').origin;
    const proxy = String(await front.start('proxy.ts', urls[0] ?? ''));
    const gateway = (tool: string, servers = 1) =>
      at(
        topology.urls.mcp,
        '/mcp',
        ...urls.slice(0, servers).map((_, index) => toolCall(`bare-${index}__${tool}`)),
      );
    const targets: Readonly<Record<string, Target>> = {
      'upstream directly': at(origin, '/mcp', toolCall('echo')),
      'plain proxy': at(proxy, '/mcp', toolCall('echo')),
      'empty function': emptyFunction(front),
      gateway: gateway('echo'),
      [`gateway, ${MANY} servers`]: gateway('echo', MANY),
      'plain proxy, events': at(proxy, '/mcp', toolCall('stream')),
      'gateway, events': gateway('stream'),
      [`gateway, events, ${MANY}`]: gateway('stream', MANY),
    };
    for (const connections of [1, 16, 64]) {
      const rows: Record<string, Row> = {};
      for (const [name, target] of Object.entries(targets)) {
        const before = front.cost();
        const measured = await load(target, connections, seconds);
        rows[name] = { ...measured, cpuMs: (front.cost().cpuMs - before.cpuMs) / measured.calls };
      }
      print(connections, rows);
    }
  } finally {
    await front.stop();
  }
}

function print(connections: number, rows: Rows): void {
  console.log(`\ntools/call, ${connections} connection${connections === 1 ? '' : 's'}`);
  for (const [name, { perSecond, p50Ms, p99Ms, cpuMs }] of Object.entries(rows)) {
    const figures = [
      `${perSecond.toFixed(0).padStart(6)}/s`,
      `p50 ${p50Ms.toFixed(2).padStart(6)} ms`,
      `p99 ${p99Ms.toFixed(2).padStart(7)} ms`,
      `app CPU ${cpuMs.toFixed(2)} ms`,
    ];
    console.log(`  ${name.padEnd(22)} ${figures.join('  ')}`);
  }
  const empty = rows['empty function'];
  for (const name of Object.keys(rows).filter((each) => each.startsWith('gateway'))) {
    const ours = rows[name];
    const proxy = rows[name.includes('events') ? 'plain proxy, events' : 'plain proxy'];
    if (!empty || !proxy || !ours) continue;
    const compared = [
      `${(ours.perSecond / empty.perSecond).toFixed(2)} of the empty function`,
      `CPU +${(ours.cpuMs - empty.cpuMs).toFixed(2)} ms`,
      `p50 +${(ours.p50Ms - proxy.p50Ms).toFixed(2)} ms over the proxy`,
    ];
    console.log(`  ${name}: ${compared.join(', ')}`);
  }
}
