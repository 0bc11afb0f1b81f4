import { z } from 'zod';
import type { Carrier } from '../../platform/outbound/watchConnections.ts';
import type { Finding } from '../finding.ts';
import type { Answer } from './transcript/exchange.ts';
import { TIMES } from './transcript/recordCommon.ts';
import type { Transcript } from './transcript/transcript.ts';

const SLOW_MS = 1_000;
/** The gateway keeps an idle connection this long, unless the server says less. */
const KEPT_SECONDS = 55;
const SHORT_SECONDS = 15;
const CERTIFICATE_DAYS = 21;
const DAY_MS = 86_400_000;

/** What carries the messages of a server, and how fast. Times in milliseconds. */
export const transportSchema = z.object({
  slug: z.string(),
  secure: z.boolean().describe('Whether it is reached by https.'),
  local: z.boolean().describe('Whether it runs on the machine of the gateway itself.'),
  tls: z
    .object({ protocol: z.string(), cipher: z.string(), alpn: z.string(), certificateEnds: z.string() })
    .optional(),
  requests: z.number(),
  connections: z.number().describe('That carried those requests, one after another.'),
  keepAlive: z
    .object({ closes: z.boolean(), seconds: z.number().optional() })
    .describe(
      'Whether the server closes connections after each answer, and how long it keeps them, as it says.',
    ),
  firstRequestMs: z
    .number()
    .describe('To its first byte; with the time to connect, where there was no connection yet.'),
  firstByteMs: z.object({ median: z.number(), slowest: z.number() }).describe('Of later, small requests.'),
  form: z.enum(['json', 'events', 'other']).describe('What small requests are answered with.'),
  stream: z
    .object({ offered: z.boolean(), firstByteMs: z.number().optional(), unbuffered: z.boolean().optional() })
    .describe('A stream of news: GET in the 2025 era, subscriptions/listen since.'),
  list: z
    .object({ bytes: z.number(), compressedBytes: z.number().optional(), encodesUnasked: z.boolean() })
    .describe('tools/list as it is, and compressed where the server compresses for those who ask for it.'),
});
export type TransportFacts = z.infer<typeof transportSchema>;

/** Pure. */
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

/** What to change, each with the figure that led to it. Pure. */
export function judgeTransport(facts: TransportFacts, now: Date): Finding[] {
  const {
    slug,
    secure,
    local,
    tls,
    requests,
    connections,
    keepAlive,
    firstRequestMs,
    firstByteMs,
    stream,
    list,
  } = facts;
  const rules: readonly (readonly [boolean, string, Finding['severity'], string, object, string])[] = [
    [
      requests > 1 && (keepAlive.closes || connections > requests / 2),
      'connection_is_not_kept',
      'warning',
      `${requests} requests took ${connections} connections, and a first request ${firstRequestMs} ms where a later one waits ${firstByteMs.median} ms.`,
      { requests, connections, closes: keepAlive.closes },
      'Let the server, and the proxy before it, keep connections open after an answer.',
    ],
    [
      !keepAlive.closes && keepAlive.seconds !== undefined && keepAlive.seconds < SHORT_SECONDS,
      'connection_is_kept_briefly',
      'info',
      `it keeps idle connections for ${keepAlive.seconds ?? 0} s; the gateway would for ${KEPT_SECONDS} s.`,
      { seconds: keepAlive.seconds },
      `Raise the keep-alive timeout of the server to ${KEPT_SECONDS} s or more, so that calls with a pause between them need no new connection.`,
    ],
    [
      firstByteMs.median > SLOW_MS,
      'answers_are_slow',
      'warning',
      `a request that does no work waits ${firstByteMs.median} ms for its first byte.`,
      firstByteMs,
      'See what the server does before it answers: sign-in, a cold start, the way to its data.',
    ],
    [
      stream.offered && (stream.firstByteMs ?? 0) > SLOW_MS,
      'stream_starts_late',
      'warning',
      `a stream of news shows its first byte after ${stream.firstByteMs ?? 0} ms.`,
      { ...stream },
      'Send the head of the response, or a comment line, at once, and let no proxy hold it back.',
    ],
    [
      stream.offered && stream.unbuffered === false,
      'stream_may_be_buffered',
      'info',
      'its stream does not tell proxies to pass events on as they come.',
      { ...stream },
      'Set X-Accel-Buffering: no on event streams.',
    ],
    [
      list.encodesUnasked,
      'answers_are_encoded_unasked',
      'critical',
      'it compresses answers for a client that asks for none: the gateway cannot read them.',
      { bytes: list.bytes },
      'Heed the header Accept-Encoding, in the server or in the proxy before it.',
    ],
    [
      !secure && !local,
      'transport_is_plain',
      'warning',
      'it is reached by http, without encryption.',
      { secure },
      'Serve it by https.',
    ],
    [
      tls !== undefined && daysLeft(tls.certificateEnds, now) < CERTIFICATE_DAYS,
      'certificate_ends_soon',
      'warning',
      `its certificate ends in ${tls ? daysLeft(tls.certificateEnds, now) : 0} days.`,
      { ends: tls?.certificateEnds },
      'Renew the certificate; calls fail from the day on which it ends.',
    ],
    [
      tls !== undefined && !['TLSv1.3', 'TLSv1.2'].includes(tls.protocol),
      'tls_is_old',
      'warning',
      `it speaks ${tls?.protocol ?? ''}.`,
      { protocol: tls?.protocol },
      'Let the server speak TLS 1.3.',
    ],
  ];
  return rules
    .filter(([applies]) => applies)
    .map(([, rule, severity, message, evidence, remedy]) => ({
      rule,
      severity,
      message: `${slug}: ${message}`,
      evidence: { server: slug, ...evidence },
      remedy,
    }));
}

const daysLeft = (ends: string, now: Date): number => Math.floor((Date.parse(ends) - now.getTime()) / DAY_MS);
