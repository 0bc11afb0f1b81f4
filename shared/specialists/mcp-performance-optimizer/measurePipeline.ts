import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App, Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { SERVER_TIMING, stagesOf } from '../../platform/telemetry/serverTiming.ts';
import { callEndpoint, resourceOfApp, sessionToken, tokenFor } from '../callEndpoint.ts';
import { measure, type MeasuringFault, type Percentiles, percentiles, PublicFault } from './measure.ts';

/**
 * The stages of a request, in order; no stage contains another. `outside` is the network, the host and the client. `handling` is
 * the handler's time without the stages that it reports.
 */
export const stageNames = ['outside', 'admission', 'body', 'catalogue', 'upstream', 'handling'] as const;
export type StageName = (typeof stageNames)[number];
export type Stages = Readonly<Partial<Record<StageName, number>>>;

/** A request that is sent repeatedly. */
interface ProbeRequest {
  readonly app: App;
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent with the token of the session, and not sent without one. */
  readonly signedIn?: true;
}

const probes: readonly ProbeRequest[] = [
  { app: 'management', name: 'health', method: 'GET', path: '/health' },
  { app: 'management', name: 'list of servers', method: 'GET', path: '/servers?limit=1', signedIn: true },
  { app: 'mcp', name: 'health', method: 'GET', path: '/health' },
  { app: 'mcp', name: 'metadata', method: 'GET', path: '/.well-known/oauth-protected-resource/mcp' },
  {
    app: 'mcp',
    name: 'tools/list',
    method: 'POST',
    path: '/mcp',
    headers: { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    signedIn: true,
  },
];

export interface ProbedRequest extends Pick<ProbeRequest, 'app' | 'name' | 'signedIn'> {
  /** From the request to the last byte. */
  readonly total?: Percentiles;
  /** Empty if the answers do not report their stages, as those to callers without a token. */
  readonly stages: Readonly<Partial<Record<StageName, Percentiles>>>;
  /** The stage that takes longest in the median. */
  readonly dominant?: StageName;
  readonly fault?: MeasuringFault;
}

export interface PipelineMeasurements {
  readonly hasToken: boolean;
  readonly requests: readonly ProbedRequest[];
}

/** The addresses of the apps, and how to reach them. */
export interface PipelineDeps {
  readonly config: Pick<Config, 'publicOrigin' | 'managementOrigin'>;
  readonly outbound: OutboundClient;
}

/** A request that hangs must leave time for the other app. */
const REQUEST_WITHIN_MS = 4_000;

/** Sends requests to both apps as a client would, one after another, and splits the time of each by its stages. */
export async function measurePipeline(
  { config, outbound }: PipelineDeps,
  { token, signal }: Pick<TaskHelpers, 'token' | 'signal'>,
  { withinMs, times }: { readonly withinMs: number; readonly times: number },
): Promise<PipelineMeasurements> {
  const endsAt = performance.now() + withinMs;
  const own = await sessionToken({ token, signal });
  const requests: ProbedRequest[] = [];
  for (const probe of probes) {
    const isDown = requests.some(({ app, fault, signedIn }) => app === probe.app && fault && !signedIn);
    const usable = tokenFor(resourceOfApp(probe.app, config), own, config);
    if (isDown || (probe.signedIn && usable === undefined)) continue;
    const origin = probe.app === 'mcp' ? config.publicOrigin : config.managementOrigin;
    const limits = { withinMs: Math.min(REQUEST_WITHIN_MS, endsAt - performance.now()), signal, times };
    requests.push(await probed(probe, origin, probe.signedIn && usable, outbound, limits));
  }
  return { hasToken: own !== undefined, requests };
}

async function probed(
  probe: ProbeRequest,
  origin: string,
  token: string | undefined,
  outbound: OutboundClient,
  limits: Parameters<typeof measure>[1],
): Promise<ProbedRequest> {
  const { app, name, method, path, headers, body, signedIn } = probe;
  const samples: Stages[] = [];
  const request = { method, url: origin + path, token, ...(headers && { headers }), ...(body && { body }) };
  const { times, fault } = await measure(async (signal) => {
    const answer = await callEndpoint(outbound, { ...request, signal });
    if (!answer.ok) throw new PublicFault(answer.error.message);
    const { status, durationMs, headers: received } = answer.value;
    if (status !== 200) throw new PublicFault(`status ${status}`);
    const timing = received[SERVER_TIMING];
    if (timing !== undefined) samples.push(splitStages(durationMs, stagesOf(String(timing))));
  }, limits);
  const stages = percentilesByStage(samples.length > 1 ? samples.slice(1) : samples);
  const dominant = dominantStage(stages);
  return {
    app,
    name,
    ...(signedIn && { signedIn }),
    ...(times && { total: times }),
    stages,
    ...(dominant && { dominant }),
    ...(fault && { fault }),
  };
}

/** Splits the time of a request into stages whose sum is the total. `reported`: the times that the answer reports. */
export function splitStages(totalMs: number, reported: ReadonlyMap<string, number>): Stages {
  const of = (name: string) => reported.get(name) ?? 0;
  const inner = of('catalogue') + of('upstream');
  const inside = of('admission') + of('body') + of('handling');
  return {
    outside: Math.max(0, totalMs - inside),
    admission: of('admission'),
    body: of('body'),
    ...(reported.has('catalogue') && { catalogue: of('catalogue') }),
    ...(reported.has('upstream') && { upstream: of('upstream') }),
    handling: Math.max(0, of('handling') - inner),
  };
}

function percentilesByStage(samples: readonly Stages[]): ProbedRequest['stages'] {
  return Object.fromEntries(
    stageNames.flatMap((name) => {
      const durations = samples.map((stages) => stages[name]).filter((ms) => ms !== undefined);
      return durations.length > 0 ? [[name, percentiles(durations)]] : [];
    }),
  );
}

/** The stage whose median is the largest. */
export function dominantStage(stages: ProbedRequest['stages']): StageName | undefined {
  const median = (name: StageName) => stages[name]?.p50Ms ?? 0;
  return stageNames.filter((name) => stages[name]).sort((a, b) => median(b) - median(a))[0];
}
