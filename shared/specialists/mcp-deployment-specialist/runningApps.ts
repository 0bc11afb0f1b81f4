import { setTimeout as delay } from 'node:timers/promises';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App } from '../../platform/config/config.ts';
import { type AppInstances, type KnownInstance, readInstances } from '../../platform/telemetry/instances.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { look } from './look.ts';

export const apps = ['management', 'mcp'] as const satisfies readonly App[];

/** One of the two apps, as it is now. */
export interface RunningApp {
  readonly app: App;
  /** Whether it answers at its public address. */
  readonly answers: boolean;
  /** Those that are there, the one that started last first. */
  readonly instances: readonly KnownInstance[];
}

/** All of this is done within the time of a health check. */
const ANSWER_WITHIN_MS = 4_000;
const STATE_WITHIN_MS = 4_000;
/** One that has just been started, perhaps by the question, says a second later what it is. */
const SAYS_WITHIN_MS = 4_000;
const ASK_EVERY_MS = 250;

export type RunningDeps = Pick<SpecialistDeps, 'config' | 'outbound' | 'shortLived' | 'clock'>;

/** Calls both apps at their addresses, and reads what their instances said of themselves. */
export async function lookAtApps(
  deps: RunningDeps,
  { signal }: Pick<TaskHelpers, 'signal'>,
): Promise<{ readonly running: readonly RunningApp[]; readonly findings: readonly Finding[] }> {
  const looks = await Promise.all(apps.map((app) => lookAtApp(app, deps, signal)));
  const findings = looks.flatMap((looked) => looked.findings);
  // What both looks met with, the state that is away, is one finding.
  const once = findings.filter(
    ({ rule, evidence }, index) =>
      'app' in evidence || findings.findIndex((other) => other.rule === rule) === index,
  );
  return { running: looks.map(({ app }) => app), findings: once };
}

async function lookAtApp(app: App, deps: RunningDeps, signal: AbortSignal) {
  const asked = await callEndpoint(deps.outbound, {
    method: 'GET',
    url: `${originOf(app, deps)}/health`,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  const answers = asked.ok && asked.value.status === 200;
  const said = await look('state_store', STATE_WITHIN_MS + SAYS_WITHIN_MS, signal, (limit) =>
    instancesOf(app, answers, deps, limit),
  );
  if ('finding' in said) return { app: { app, answers, instances: [] }, findings: [said.finding] };
  const why = asked.ok ? `answered HTTP ${asked.value.status}` : asked.error.message;
  const instances = said.seen.current;
  return { app: { app, answers, instances }, findings: [...silence(app, answers, why, said.seen)] };
}

const originOf = (app: App, { config }: Pick<SpecialistDeps, 'config'>): string =>
  app === 'mcp' ? config.publicOrigin : config.managementOrigin;

/** An app that answers has an instance, which may not have said so yet. */
async function instancesOf(
  app: App,
  answers: boolean,
  { shortLived, clock }: RunningDeps,
  signal: AbortSignal,
): Promise<AppInstances> {
  const endAt = performance.now() + SAYS_WITHIN_MS;
  for (;;) {
    const known = await readInstances(shortLived, app, clock);
    if (known.current.length > 0 || !answers || performance.now() > endAt || signal.aborted) return known;
    await delay(ASK_EVERY_MS);
  }
}

/** What is amiss when an app does not answer, or nobody says what it is. */
export function* silence(
  app: App,
  answers: boolean,
  why: string,
  { current, lastSeenAt }: AppInstances,
): Generator<Finding> {
  const evidence = { app, instances: current.length, lastSeenAt: current[0]?.seenAt ?? lastSeenAt ?? null };
  if (!answers && current.length === 0)
    yield {
      rule: 'app_not_running',
      severity: 'critical',
      message: `the ${app} app does not answer (${why}), and no instance of it has been seen lately`,
      evidence,
      remedy: `Start the ${app} app, and read its log: an app whose settings are wrong does not start.`,
    };
  else if (!answers)
    yield {
      rule: 'app_not_reachable',
      severity: 'warning',
      message: `the ${app} app runs, but does not answer at the origin that its settings name (${why})`,
      evidence,
      remedy: `See that ${app === 'mcp' ? 'MREG_PUBLIC_ORIGIN' : 'MREG_MANAGEMENT_ORIGIN'} is where the app is reached, from the apps too.`,
    };
  else if (current.length === 0)
    yield {
      rule: 'app_does_not_say_what_it_is',
      severity: 'warning',
      message: `the ${app} app answers, but no instance of it has said what it runs`,
      evidence,
      remedy: `Let both apps use the same state: MREG_REDIS_URL, or MREG_TABLES where there is none. An older version of the ${app} app says nothing.`,
    };
}
