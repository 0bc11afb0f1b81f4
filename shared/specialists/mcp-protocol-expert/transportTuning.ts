import * as z from 'zod';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Carrier, watchConnections } from '../../platform/outbound/watchConnections.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { finding } from './findings.ts';
import {
  agent,
  inspectServers,
  leftOutSchema,
  recordServer,
  type ServerDeps,
  subjectSchema,
} from './inspectServers.ts';
import type { Answer } from './transcript/exchange.ts';
import { TIMES } from './transcript/recorder.ts';
import type { Transcript } from './transcript/transcript.ts';

const MAX_SERVERS = 20;
const SLOW_MS = 1_000;
/** The gateway keeps an idle connection for this time, unless the server says less. */
const KEPT_SECONDS = 55;
const SHORT_SECONDS = 15;
const CERTIFICATE_DAYS = 21;
const DAY_MS = 86_400_000;

/** How the messages of a server travel, and how fast. Times in milliseconds. */
export const transportSchema = z.object({
  slug: z.string(),
  secure: z.boolean().describe('Whether it is reached by https.'),
  local: z.boolean().describe('Whether it runs on the same machine as the gateway.'),
  tls: z
    .object({ protocol: z.string(), cipher: z.string(), alpn: z.string(), certificateEnds: z.string() })
    .optional(),
  requests: z.number(),
  connections: z.number().describe('The connections that carried these requests, one after another.'),
  keepAlive: z
    .object({ closes: z.boolean(), seconds: z.number().optional() })
    .describe('Whether the server closes connections after each answer, and how long it says it keeps them.'),
  firstRequestMs: z
    .number()
    .describe('Time to the first byte, with the time to connect where there was no connection yet.'),
  firstByteMs: z
    .object({ median: z.number(), slowest: z.number() })
    .describe('Of the later, small requests.'),
  form: z.enum(['json', 'events', 'other']).describe('The form of the answers to small requests.'),
  stream: z
    .object({ offered: z.boolean(), firstByteMs: z.number().optional(), unbuffered: z.boolean().optional() })
    .describe('The stream of notifications: GET in the 2025 era, subscriptions/listen since.'),
  list: z
    .object({ bytes: z.number(), compressedBytes: z.number().optional(), encodesUnasked: z.boolean() })
    .describe('The size of tools/list, also compressed where the server compresses on request.'),
});
export type TransportFacts = z.infer<typeof transportSchema>;

/** Measures how the messages of servers travel. */
export const transportLayerTuning = (deps: ServerDeps): Task =>
  defineTask({
    name: 'transport_layer_tuning',
    permissions: ['delegations.read'],
    agent,
    description:
      'Sends small requests to a server one after another and opens its notification stream; reports connection reuse, keep-alive, TLS, time to the first byte, streaming and compression as measured, and what to change.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(transportSchema), leftOut: leftOutSchema }),
    async run({ slug }, helpers) {
      const watched = watchConnections(helpers.traceId);
      try {
        const inspected = await inspectServers(
          slug,
          helpers,
          deps,
          // One at a time, so that measurements do not slow each other.
          { limit: MAX_SERVERS, atOnce: 1 },
          async (server, calls, signal) => {
            const before = watched.carriers.length;
            const { transcript, finding: unreached } = await recordServer(server, 'timing', calls, signal);
            if (!transcript) return { facts: [], findings: [unreached] };
            if (!transcript.steps.get('time 1')?.answer)
              return { facts: [], findings: [finding('server_opens', { server: server.slug })] };
            const facts = measureTransport(server, transcript, watched.carriers.slice(before));
            return { facts: [facts], findings: transportFindings(facts, helpers.clock.now()) };
          },
        );
        if (!inspected.ok) return inspected;
        const { results, leftOut } = inspected.value;
        const measured = results.flatMap(({ facts }) => facts);
        const [slowest] = measured.toSorted((a, b) => b.firstByteMs.median - a.firstByteMs.median);
        return succeed({
          summary: `The transport of ${measured.length} servers was measured${slowest ? `; the slowest, ${slowest.slug}, waits ${slowest.firstByteMs.median} ms for a first byte` : ''}.`,
          facts: { measured: measured.length, slowest: slowest?.slug },
          findings: results.flatMap(({ findings }) => findings),
          servers: measured,
          leftOut: [...leftOut],
        });
      } finally {
        watched.stop();
      }
    },
  });

/** Measures a transcript and the connections that carried it. Pure. */
export function measureTransport(
  { slug, url }: { readonly slug: string; readonly url: string },
  { opening, steps, era }: Transcript,
  carriers: readonly Carrier[],
): TransportFacts {
  const times = Array.from({ length: TIMES }, (_, index) => steps.get(`time ${index + 1}`)?.answer).filter(
    (answer) => answer !== undefined,
  );
  const waits = times.map(({ firstByteMs }) => firstByteMs).sort((a, b) => a - b);
  const [sample] = times;
  const tls = carriers.find((carrier) => carrier.tls)?.tls;
  const stream = steps.get(era === 'legacy' ? 'GET' : 'listen')?.answer;
  const offered = stream?.status === 200 && stream.mediaType === 'text/event-stream';
  const plain = steps.get('list tools')?.answer;
  const compressed = steps.get('list tools, compressed')?.answer;
  return {
    slug,
    secure: url.startsWith('https:'),
    local: /^https?:\/\/(?:127\.|localhost[:/]|\[::1\])/.test(url),
    ...(tls && {
      tls: { protocol: tls.protocol, cipher: tls.cipher, alpn: tls.alpn, certificateEnds: tls.validTo },
    }),
    requests: carriers.length,
    connections: new Set(carriers.map(({ connection }) => connection)).size,
    keepAlive: keepAliveOf(sample),
    firstRequestMs: rounded(opening.answer?.firstByteMs ?? 0),
    firstByteMs: {
      median: rounded(waits[Math.floor(waits.length / 2)] ?? 0),
      slowest: rounded(waits.at(-1) ?? 0),
    },
    form: formOf(sample),
    stream: {
      offered,
      ...(offered && {
        firstByteMs: rounded(stream.firstByteMs),
        unbuffered: headerOf(stream, 'x-accel-buffering').toLowerCase() === 'no',
      }),
    },
    list: {
      bytes: plain?.bytes ?? 0,
      ...(compressed &&
        headerOf(compressed, 'content-encoding') === 'gzip' && { compressedBytes: compressed.bytes }),
      encodesUnasked: plain !== undefined && !['', 'identity'].includes(headerOf(plain, 'content-encoding')),
    },
  };
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;
const headerOf = (answer: Answer | undefined, name: string): string => String(answer?.headers[name] ?? '');

function keepAliveOf(answer: Answer | undefined): TransportFacts['keepAlive'] {
  const [, seconds] = /timeout=(\d+)/.exec(headerOf(answer, 'keep-alive')) ?? [];
  const closes = /\bclose\b/i.test(headerOf(answer, 'connection'));
  return { closes, ...(seconds !== undefined && { seconds: Number(seconds) }) };
}

function formOf(answer: Answer | undefined): TransportFacts['form'] {
  if (answer?.mediaType === 'application/json') return 'json';
  return answer?.mediaType === 'text/event-stream' ? 'events' : 'other';
}

/** Returns what to change, each with the figures that show it. Pure. */
export function transportFindings(facts: TransportFacts, now: Date): Finding[] {
  const { slug: server, tls, requests, connections, keepAlive, firstByteMs, stream, list } = facts;
  const { closes, seconds } = keepAlive;
  const findings: Finding[] = [];
  if (requests > 1 && (closes || connections > requests / 2)) {
    const times = { firstRequestMs: facts.firstRequestMs, medianMs: firstByteMs.median };
    findings.push(finding('connection_is_not_kept', { server, requests, connections, closes, ...times }));
  }
  if (!closes && seconds !== undefined && seconds < SHORT_SECONDS)
    findings.push(finding('connection_is_kept_briefly', { server, seconds, gatewaySeconds: KEPT_SECONDS }));
  if (firstByteMs.median > SLOW_MS) findings.push(finding('answers_are_slow', { server, ...firstByteMs }));
  if (stream.offered && (stream.firstByteMs ?? 0) > SLOW_MS)
    findings.push(finding('stream_starts_late', { server, ...stream }));
  if (stream.offered && stream.unbuffered === false)
    findings.push(finding('stream_may_be_buffered', { server, ...stream }));
  if (list.encodesUnasked)
    findings.push(finding('answers_are_encoded_unasked', { server, bytes: list.bytes }));
  if (!facts.secure && !facts.local)
    findings.push(finding('transport_is_plain', { server, secure: facts.secure }));
  if (!tls) return findings;
  const days = daysLeft(tls.certificateEnds, now);
  if (days < CERTIFICATE_DAYS)
    findings.push(finding('certificate_ends_soon', { server, ends: tls.certificateEnds, days }));
  if (!['TLSv1.3', 'TLSv1.2'].includes(tls.protocol))
    findings.push(finding('tls_is_old', { server, protocol: tls.protocol }));
  return findings;
}

const daysLeft = (ends: string, now: Date): number => Math.floor((Date.parse(ends) - now.getTime()) / DAY_MS);
