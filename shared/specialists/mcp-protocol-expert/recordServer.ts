import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Finding } from '../finding.ts';
import { signedIn } from '../signedIn.ts';
import type { ActiveServer } from './subjectServers.ts';
import { recordTranscript } from './transcript/record.ts';
import type { Scope, Transcript } from './transcript/transcript.ts';

export interface RecordDeps {
  readonly outboundTo: OutboundTo;
  readonly traceId: string;
}

/** Servers are called as the gateway calls them: with their credentials, and with those of the user that a task works for. */
export async function recordDeps(outboundTo: OutboundTo, helpers: TaskHelpers): Promise<RecordDeps> {
  const user = await signedIn(helpers);
  return { outboundTo: (server) => outboundTo(server, () => user), traceId: helpers.traceId };
}

/** What was exchanged with a server, or why nothing was. */
export type RecordedServer =
  | { readonly transcript: Transcript; readonly finding?: undefined }
  | { readonly transcript?: undefined; readonly finding: Finding };

/** Exchanges with a server what the scope wants. */
export async function recordServer(
  server: ActiveServer,
  scope: Scope,
  { outboundTo, traceId }: RecordDeps,
  signal: AbortSignal,
): Promise<RecordedServer> {
  const { slug, url, discovery } = server;
  const { era, transport } = discovery;
  if (transport === 'sse') return { finding: oldTransport(slug) };
  const startedAt = performance.now();
  const recorded = await recordTranscript({ url, era, scope, traceId, signal }, outboundTo(server));
  if (recorded.ok) return { transcript: recorded.value };
  const { kind, message } = recorded.error;
  return { finding: unreached(slug, kind, message, Math.round(performance.now() - startedAt)) };
}

/** A server that gave no answer at all. */
const unreached = (slug: string, kind: string, words: string, afterMs: number): Finding => ({
  rule: 'server_reached',
  severity: 'critical',
  message: `${slug} could not be looked at: ${words}.`,
  evidence: { server: slug, kind, afterMs },
  remedy: 'See whether the server runs, and whether the gateway may reach it without credentials of a user.',
});

const oldTransport = (slug: string): Finding => ({
  rule: 'transport_is_current',
  severity: 'warning',
  message: `${slug} speaks only the HTTP+SSE transport of 2024-11-05, which these checks do not judge.`,
  evidence: {
    server: slug,
    specification: 'https://modelcontextprotocol.io/specification/2026-07-28/deprecated',
  },
  remedy: 'Take a version of its SDK that has Streamable HTTP: the old transport is deprecated.',
});
