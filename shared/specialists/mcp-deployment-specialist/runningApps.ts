import { setTimeout as delay } from 'node:timers/promises';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App } from '../../platform/config/config.ts';
import { type AppInstances, type KnownInstance, readInstances } from '../../platform/telemetry/instances.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { withTimeout } from '../withTimeout.ts';

const apps = ['management', 'mcp'] as const satisfies readonly App[];

/** One of the two apps, as it is now. */
export interface RunningApp {
  readonly app: App;
  /** Whether it answers at its public address. */
  readonly answers: boolean;
  /** Its running instances, the one that started last first. */
  readonly instances: readonly KnownInstance[];
}

/** All of this fits into the time of a health check. */
const ANSWER_WITHIN_MS = 4_000;
const STATE_WITHIN_MS = 4_000;
/** An instance that has just started, perhaps because of this call, registers a second later. */
const REGISTERS_WITHIN_MS = 4_000;
const READ_EVERY_MS = 250;

type RunningDeps = Pick<SpecialistDeps, 'config' | 'outbound' | 'shortLived' | 'clock'>;

/** A part that the apps share and that an inspection reads. */
export type Part = 'table_storage' | 'service_bus' | 'state_store';
interface SilentPart {
  readonly part: Part;
  /** Absent if the part refused or broke the connection. */
  readonly withinMs?: number;
}
const partSilent = ({ part, withinMs }: SilentPart) => ({
  severity: 'critical' as const,
  message: `${part.replaceAll('_', ' ')} ${withinMs === undefined ? 'does not answer, or refuses' : `has not answered within ${withinMs} ms`}: its content is unknown`,
  evidence: withinMs === undefined ? {} : { withinMs },
  remedy:
    "Check that it runs, that the apps' settings name it, and that their identities may use it. The log has the cause.",
});

interface SilentApp {
  readonly app: App;
  readonly why: string;
  readonly instances: number;
  readonly lastSeenAt: string | null;
}
const seen = ({ app, instances, lastSeenAt }: SilentApp) => ({ app, instances, lastSeenAt });

const finding = defineFindings({
  table_storage_unreachable: partSilent,
  service_bus_unreachable: partSilent,
  state_store_unreachable: partSilent,
  app_not_running: (facts: SilentApp) => ({
    severity: 'critical',
    message: `the ${facts.app} app does not answer (${facts.why}), and none of its instances has been seen recently`,
    evidence: seen(facts),
    remedy: `Start the ${facts.app} app, and read its log: an app with invalid settings does not start.`,
  }),
  app_not_reachable: (facts: SilentApp) => ({
    severity: 'warning',
    message: `the ${facts.app} app runs, but does not answer at the origin that its settings name (${facts.why})`,
    evidence: seen(facts),
    remedy: `Check that ${facts.app === 'mcp' ? 'MREG_PUBLIC_ORIGIN' : 'MREG_MANAGEMENT_ORIGIN'} is the address of the app, and that the apps reach it too.`,
  }),
  app_does_not_say_what_it_is: (facts: SilentApp) => ({
    severity: 'warning',
    message: `the ${facts.app} app answers, but none of its instances has registered what it runs`,
    evidence: seen(facts),
    remedy: `Let both apps use the same state store: MREG_REDIS_URL, or MREG_TABLES if there is no Redis. An older version of the ${facts.app} app does not register.`,
  }),
});

/** Reads a part with a timeout: returns what was seen, or the finding that the part does not answer. */
export async function inspectPart<T>(
  part: Part,
  withinMs: number,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly seen: T } | { readonly finding: Finding }> {
  const read = await withTimeout(withinMs, signal, act);
  if (read.ok) return { seen: read.value };
  const facts = read.error.kind === 'timeout' ? { part, withinMs } : { part };
  return { finding: finding(`${part}_unreachable`, facts) };
}

/** Calls both apps at their addresses, and reads what their instances registered. */
export async function inspectApps(
  deps: RunningDeps,
  { signal }: Pick<TaskHelpers, 'signal'>,
): Promise<{ readonly running: readonly RunningApp[]; readonly findings: readonly Finding[] }> {
  const inspected = await Promise.all(apps.map((app) => inspectApp(app, deps, signal)));
  const findings = inspected.flatMap((one) => one.findings);
  // A state store that does not answer shows in both apps, and is one finding.
  const once = findings.filter(
    ({ rule, evidence }, index) =>
      'app' in evidence || findings.findIndex((other) => other.rule === rule) === index,
  );
  return { running: inspected.map(({ app }) => app), findings: once };
}

async function inspectApp(app: App, deps: RunningDeps, signal: AbortSignal) {
  const called = await callEndpoint(deps.outbound, {
    method: 'GET',
    url: `${originOf(app, deps)}/health`,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  const answers = called.ok && called.value.status === 200;
  const read = await inspectPart('state_store', STATE_WITHIN_MS + REGISTERS_WITHIN_MS, signal, (limit) =>
    instancesOf(app, answers, deps, limit),
  );
  if ('finding' in read) return { app: { app, answers, instances: [] }, findings: [read.finding] };
  const why = called.ok ? `answered HTTP ${called.value.status}` : called.error.message;
  const instances = read.seen.current;
  return { app: { app, answers, instances }, findings: silenceFindings(app, answers, why, read.seen) };
}

const originOf = (app: App, { config }: Pick<SpecialistDeps, 'config'>): string =>
  app === 'mcp' ? config.publicOrigin : config.managementOrigin;

/** An app that answers has an instance, which may not have registered yet. */
async function instancesOf(
  app: App,
  answers: boolean,
  { shortLived, clock }: RunningDeps,
  signal: AbortSignal,
): Promise<AppInstances> {
  const endAt = performance.now() + REGISTERS_WITHIN_MS;
  for (;;) {
    const known = await readInstances(shortLived, app, clock);
    if (known.current.length > 0 || !answers || performance.now() > endAt || signal.aborted) return known;
    await delay(READ_EVERY_MS);
  }
}

/** Says what is wrong if an app does not answer, or none of its instances has registered. */
export function silenceFindings(
  app: App,
  answers: boolean,
  why: string,
  { current, lastSeenAt }: AppInstances,
): readonly Finding[] {
  const isRegistered = current.length > 0;
  if (answers && isRegistered) return [];
  const rule = answers
    ? 'app_does_not_say_what_it_is'
    : isRegistered
      ? 'app_not_reachable'
      : 'app_not_running';
  const lastSeen = current[0]?.seenAt ?? lastSeenAt ?? null;
  return [finding(rule, { app, why, instances: current.length, lastSeenAt: lastSeen })];
}
