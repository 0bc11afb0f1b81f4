import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App, Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { SERVER_TIMING, stagesOf } from '../../platform/telemetry/serverTiming.ts';
import { callEndpoint } from '../callEndpoint.ts';
import { type MeasuringFault, type Percentiles, TellableFault, measure, percentiles } from './measure.ts';
import { tokenOf } from '../tokenOf.ts';

/**
 * The stages of a request, one after another and none within another. `outside`: the network, the host and the client. `handling`
 * is what is left of the handler's time without what it says of itself.
 */
export const stageNames = ['outside', 'admission', 'body', 'catalogue', 'upstream', 'handling'] as const;
export type StageName = (typeof stageNames)[number];
export type Stages = Readonly<Partial<Record<StageName, number>>>;

/** A request that is sent again and again. */
export interface ProbeRequest {
  readonly app: App;
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent with the token of the session, and not at all without one. */
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
  /** Empty where the answers say nothing of them, as those to strangers. */
  readonly stages: Readonly<Partial<Record<StageName, Percentiles>>>;
  /** The stage that takes longest in the median. */
  readonly dominant?: StageName;
  readonly fault?: MeasuringFault;
}

export interface PipelineLook {
  readonly hasToken: boolean;
  readonly requests: readonly ProbedRequest[];
}

/** Where the apps are, and how they are reached. */
export interface PipelineDeps {
  readonly config: Pick<Config, 'publicOrigin' | 'managementOrigin'>;
  readonly outbound: OutboundClient;
}

/** One request of an app that hangs must not keep the other app from being looked at. */
const REQUEST_WITHIN_MS = 4_000;

/** Sends requests to both apps as a client would, one after another, and splits the time of each by its stages. */
export async function lookAtPipeline(
  { config, outbound }: PipelineDeps,
  { token, signal }: Pick<TaskHelpers, 'token' | 'signal'>,
  { withinMs, times }: { readonly withinMs: number; readonly times: number },
): Promise<PipelineLook> {
  const endsAt = performance.now() + withinMs;
  const own = await tokenOf({ token, signal });
  const requests: ProbedRequest[] = [];
  for (const probe of probes) {
    const isAway = requests.some(({ app, fault, signedIn }) => app === probe.app && fault && !signedIn);
    if (isAway || (probe.signedIn && own === undefined)) continue;
    const origin = probe.app === 'mcp' ? config.publicOrigin : config.managementOrigin;
    const limits = { withinMs: Math.min(REQUEST_WITHIN_MS, endsAt - performance.now()), signal, times };
    requests.push(await probed(probe, origin, probe.signedIn && own, outbound, limits));
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
    if (!answer.ok) throw new TellableFault(answer.error.message);
    const { status, durationMs, headers: received } = answer.value;
    if (status !== 200) throw new TellableFault(`status ${status}`);
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

/** What a request took, as stages that together are the whole. */
export function splitStages(totalMs: number, told: ReadonlyMap<string, number>): Stages {
  const of = (name: string) => told.get(name) ?? 0;
  const inner = of('catalogue') + of('upstream');
  const inside = of('admission') + of('body') + of('handling');
  return {
    outside: Math.max(0, totalMs - inside),
    admission: of('admission'),
    body: of('body'),
    ...(told.has('catalogue') && { catalogue: of('catalogue') }),
    ...(told.has('upstream') && { upstream: of('upstream') }),
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
