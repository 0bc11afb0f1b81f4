import * as z from 'zod';
import { type ActiveServer, isActive } from '../../gateway/catalogue/catalogue.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import { needsUser } from '../../registry/records/upstreamSettings.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { signedIn } from '../signedIn.ts';
import { finding } from './findings.ts';
import { recordTranscript } from './transcript/record.ts';
import type { Scope, Transcript } from './transcript/transcript.ts';

export const agent = 'mcp-protocol-expert';
export type ServerDeps = Pick<SpecialistDeps, 'servers' | 'outboundTo' | 'noteHealth' | 'credentials'>;

/** Which servers a task inspects. */
export const subjectSchema = z.strictObject({
  slug: slugSchema.optional().describe('One server; every active one, up to a bound, when absent.'),
});
export const leftOutSchema = z
  .array(z.string())
  .describe('Slugs of active servers that were not inspected, for lack of time or beyond the bound.');

/** How servers are called: with their credentials, and with those of the user whose work the task is. */
export interface CallDeps extends Pick<ServerDeps, 'noteHealth'> {
  readonly outboundTo: OutboundTo;
  readonly traceId: string;
  /** Whether a server can be called: no request is sent to one that needs a credential of an absent user. */
  readonly canCall: (server: ActiveServer) => boolean;
}

export async function callDeps(
  { outboundTo, noteHealth, credentials }: Omit<ServerDeps, 'servers'>,
  helpers: TaskHelpers,
): Promise<CallDeps> {
  const user = await signedIn(helpers);
  return {
    outboundTo: (server) => outboundTo(server, () => user),
    traceId: helpers.traceId,
    noteHealth,
    canCall: (server) => user !== undefined || !needsUser(server, credentials),
  };
}

export interface Inspected<T> {
  /** In the order of the servers' slugs. */
  readonly results: readonly T[];
  /** Slugs of active servers that were not inspected. */
  readonly leftOut: readonly string[];
}

/** Time that a task keeps for its report. */
const RESERVE_MS = 3_000;

/** Returns a signal that ends early enough before the deadline of the task to report what was found. */
export function untilReport({
  signal,
  deadline,
  clock,
}: Pick<TaskHelpers, 'signal' | 'deadline' | 'clock'>): AbortSignal {
  const leftMs = Math.max(0, deadline.getTime() - clock.now().getTime() - RESERVE_MS);
  return AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
}

/**
 * Inspects the server of the slug, or the first `limit` active servers of the tenant, some at once. No inspection begins after
 * its signal has ended. Fails with `not_found` where the slug is not that of an active server.
 */
export async function inspectServers<T extends object>(
  slug: string | undefined,
  helpers: TaskHelpers,
  serverDeps: ServerDeps,
  { limit, atOnce = 3 }: { readonly limit: number; readonly atOnce?: number },
  inspect: (server: ActiveServer, deps: CallDeps, signal: AbortSignal) => Promise<T>,
): Promise<Result<Inspected<T>>> {
  const subjects = await subjectServers(slug, helpers.tenantId, serverDeps.servers, limit);
  if (!subjects.ok) return subjects;
  const { chosen, beyond } = subjects.value;
  const deps = await callDeps(serverDeps, helpers);
  const signal = untilReport(helpers);
  const results = new Map<ActiveServer, T>();
  const waiting = [...chosen];
  const work = async () => {
    for (let server = waiting.shift(); server && !signal.aborted; server = waiting.shift()) {
      results.set(server, await inspect(server, deps, signal));
      helpers.progress(`${results.size} of ${chosen.length} servers`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const untried = chosen.filter((server) => !results.has(server)).map((server) => server.slug);
  return succeed({
    results: chosen.map((server) => results.get(server)).filter((result) => result !== undefined),
    leftOut: [...untried, ...beyond],
  });
}

const PAGE = 50;
/** Servers beyond the bound are named up to this number: each costs the read of a whole record. */
const MAX_NAMED = 200;

interface Subjects {
  readonly chosen: readonly ActiveServer[];
  /** Slugs of active servers beyond the bound. */
  readonly beyond: readonly string[];
}

async function subjectServers(
  slug: string | undefined,
  tenantId: string,
  servers: ServerDeps['servers'],
  limit: number,
): Promise<Result<Subjects>> {
  if (slug !== undefined) {
    const server = await activeServer(slug, tenantId, servers);
    return server
      ? succeed({ chosen: [server], beyond: [] })
      : fail({ kind: 'not_found', message: `there is no active server "${slug}"` });
  }
  const chosen: ActiveServer[] = [];
  const beyond: string[] = [];
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
    for (const record of page.items.filter(isActive)) {
      if (chosen.length < limit) chosen.push(record);
      else beyond.push(record.slug);
    }
    after = page.after;
  } while (after !== undefined && beyond.length < MAX_NAMED);
  return succeed({ chosen, beyond });
}

/** Returns the active server of a slug; undefined where there is none. */
export async function activeServer(
  slug: string,
  tenantId: string,
  servers: ServerDeps['servers'],
): Promise<ActiveServer | undefined> {
  const record = (await servers.find(tenantId, slug))?.value;
  return record && isActive(record) ? record : undefined;
}

/** The exchanges with a server, or the finding that says why there are none. */
export type RecordedServer =
  | { readonly transcript: Transcript; readonly finding?: undefined }
  | { readonly transcript?: undefined; readonly finding: Finding };

/**
 * Records the exchanges with a server that the scope names. A server that gives no answer has failed, which is noted as its
 * health.
 */
export async function recordServer(
  server: ActiveServer,
  scope: Scope,
  { outboundTo, traceId, noteHealth, canCall }: CallDeps,
  signal: AbortSignal,
): Promise<RecordedServer> {
  const { slug, url, discovery } = server;
  const { era, transport } = discovery;
  if (transport === 'sse') return { finding: finding('transport_is_current', { server: slug }) };
  const startedAt = performance.now();
  const recorded = await recordTranscript({ url, era, scope, traceId, signal }, outboundTo(server));
  if (recorded.ok) return { transcript: recorded.value };
  const { kind, message: problem } = recorded.error;
  if (!signal.aborted && canCall(server) && kind !== 'sign_in_needed')
    noteHealth(server.tenantId, server, { status: 'failed', reason: `A probe failed: ${problem}.` });
  const afterMs = Math.round(performance.now() - startedAt);
  return { finding: finding('server_reached', { server: slug, problem, kind, afterMs }) };
}
