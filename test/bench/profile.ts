import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { freePort } from '../support/freePort.ts';
import { emptyFunction, startFront } from './front.ts';
import { load, type Target } from './load.ts';
import { writeMade } from './made.ts';
import { openInspector } from './openInspector.ts';

const CONNECTIONS = 16;
const SECONDS = 6;
const SAMPLE_MICROSECONDS = 200;

/** What the time of the mcp app goes to, by the file that a function comes from. The first that matches counts. */
const stages = {
  'Functions library: request and answer objects': /node_modules\/@azure\/functions\//,
  'Fetch objects, headers and web streams of Node': /^node:internal\/(?:deps\/undici|webstreams)/,
  'HTTP client of the request to the server': /node_modules\/undici\//,
  'Functions host of this machine': /infra\/(?:functions-host|local)\//,
  'function wrapper: trace, deadline, body, headers': /\/functions\//,
  'gateway: era, names, routing, JSON-RPC, streams': /\/shared\/gateway\//,
  'audit: hash chain, batches to the table service': /\/shared\/audit\//,
  'sign-in and permissions': /\/shared\/identity\//,
  'outbound guard': /\/shared\/platform\/outbound\//,
  'log, traces and metrics': /\/shared\/platform\/telemetry\//,
  'the rest of the product': /\/shared\//,
  'other packages': /node_modules\//,
} as const;

const profileSchema = z.object({
  profile: z.object({
    nodes: z.array(
      z.object({
        id: z.number(),
        callFrame: z.object({
          functionName: z.string(),
          url: z.string(),
          lineNumber: z.number(),
          columnNumber: z.number(),
        }),
        children: z.array(z.number()).optional(),
      }),
    ),
    samples: z.array(z.number()),
    timeDeltas: z.array(z.number()),
  }),
});
type Profile = z.infer<typeof profileSchema>['profile'];
type Frame = Profile['nodes'][number]['callFrame'];

/** Prints where the CPU time of a call goes, and how much of it an empty function takes too. */
export async function benchProfile(): Promise<void> {
  const port = await freePort();
  const settingsOf = { mcp: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` } };
  const front = await startFront(1, 0, { settingsOf });
  const inspector = await openInspector(port);
  const stageOf = sourceStages();
  const profiled = async (target: Target) => {
    await load(target, CONNECTIONS, 1);
    await inspector.ask('Profiler.enable');
    await inspector.ask('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    await inspector.ask('Profiler.start');
    const { calls } = await load(target, CONNECTIONS, SECONDS);
    const { profile } = profileSchema.parse(await inspector.ask('Profiler.stop'));
    return microsecondsByStage(profile, stageOf, calls);
  };
  try {
    const call = await profiled(front.modernCall(front.topology.urls.mcp, 'modern__echo'));
    const empty = await profiled(emptyFunction(front));
    const table = tableOf(call, empty);
    console.log(`\nCPU of the mcp app for a call, ${CONNECTIONS} connections\n\n${table}`);
    await writeMade('profile', 'test/bench/profile.ts', table);
  } finally {
    inspector.close();
    await front.stop();
  }
}

/** A row for each stage: its share of a call, and what an empty function takes there, as a share of the call too. */
function tableOf(call: ReadonlyMap<string, number>, empty: ReadonlyMap<string, number>): string {
  const total = [...call.values()].reduce((sum, each) => sum + each, 0);
  const share = (microseconds: number) => `${((100 * microseconds) / total).toFixed(0)} %`;
  const rows = [...call]
    .sort(([, one], [, other]) => other - one)
    .map(
      ([stage, microseconds]) => `| ${stage} | ${share(microseconds)} | ${share(empty.get(stage) ?? 0)} |`,
    );
  return ['| stage | share of a call | empty function |', '| --- | --- | --- |', ...rows].join('\n');
}

/** A system call, or another function of Node's, counts for the stage that calls it. */
function microsecondsByStage(
  { nodes, samples, timeDeltas }: Profile,
  stageOf: (frame: Frame) => string | undefined,
  calls: number,
): ReadonlyMap<string, number> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const stageById = new Map<number, string>();
  const stageFrom = (id: number): string => {
    const known = stageById.get(id);
    if (known !== undefined) return known;
    const node = byId.get(id);
    const parent = parents.get(id);
    const found =
      (node && stageOf(node.callFrame)) ??
      (parent === undefined ? 'Node itself: events, promises, HTTP parser' : stageFrom(parent));
    stageById.set(id, found);
    return found;
  };
  const sums = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const stage = stageFrom(id);
    if (stage === IDLE) continue;
    sums.set(stage, (sums.get(stage) ?? 0) + (timeDeltas[index] ?? 0) / calls);
  }
  return sums;
}

const IDLE = 'idle';

/** Finds the stage of a function by the source map of its file. */
function sourceStages(): (frame: Frame) => string | undefined {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (url: string) => {
    if (!maps.has(url)) maps.set(url, readMap(url));
    return maps.get(url);
  };
  return ({ functionName, url, lineNumber, columnNumber }) => {
    if (functionName === '(idle)') return IDLE;
    if (functionName === '(garbage collector)') return 'garbage collection';
    const entry = mapOf(url)?.findEntry(lineNumber, columnNumber);
    const source = entry && 'originalSource' in entry ? `/${entry.originalSource}` : url;
    return Object.entries(stages).find(([, pattern]) => pattern.test(source))?.[0];
  };
}

function readMap(url: string): SourceMap | undefined {
  if (!url.startsWith('file:') || !url.includes('/dist/')) return undefined;
  try {
    return new SourceMap(
      JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')) as SourceMap['payload'],
    );
  } catch {
    return undefined;
  }
}
