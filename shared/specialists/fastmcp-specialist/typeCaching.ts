import { z } from 'zod';
import { type Refreshed, confirmedAt, createRefresh } from '../../gateway/catalogue/refresh.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { type Kept, judgeKept, keptOf } from './staleLists.ts';

/** Each server of the registry is looked at every quarter of an hour: twice that is a turn that was missed. */
const OLD_AFTER_MINUTES = 30;
const READ_WITHIN_MS = 8_000;
/** Servers that are discovered at once, as the timer does. */
const AT_ONCE = 4;

export const typeCaching = (deps: SpecialistDeps): Task =>
  defineTask({
    name: 'type_caching_optimization',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Reports the age and size of what is kept of each server (tools, prompts, resources), brings those up to date that are older than they should be, reads the catalogue into memory, and says what was refreshed, what had changed and what could not be reached.',
    timeoutMs: 120_000,
    input: z.strictObject({
      olderThanMinutes: z
        .int()
        .min(0)
        .max(24 * 60)
        .default(OLD_AFTER_MINUTES)
        .describe('Lists that nobody has confirmed for longer are refreshed.'),
    }),
    output: reportSchema,
    async run({ olderThanMinutes }, helpers) {
      const { tenantId, signal, clock } = helpers;
      const catalogue = createCatalogue(deps);
      const cold = await timed(() =>
        withinTime(READ_WITHIN_MS, signal, () =>
          Promise.all([catalogue.all(tenantId), deps.visibleServers.version(tenantId)]),
        ),
      );
      if (!cold.value.ok)
        return fail({ kind: cold.value.error.kind, message: `the registry: ${cold.value.error.message}` });
      const [servers, version] = cold.value.value;
      const warm = await timed(() => catalogue.all(tenantId));
      const kept = await Promise.all(servers.map((server) => look(server, deps, signal, clock.now())));
      const old = servers.filter((_, index) => (kept[index]?.ageMinutes ?? 0) >= olderThanMinutes);
      const discoveries = createFairQueue(AT_ONCE, 1);
      const refresh = createRefresh({ ...deps, discoveries }, catalogue.forget);
      const refreshed = await refreshThem(old, refresh, signal);
      const counts = countOf(refreshed);
      return succeed({
        summary: `${servers.length} servers are kept, ${old.length} of them older than ${olderThanMinutes} minutes: ${counts || 'none was refreshed'}.`,
        facts: {
          servers: kept,
          refreshed: Object.fromEntries(refreshed),
          catalogue: { coldMs: cold.ms, warmMs: warm.ms, versionKnown: version !== undefined },
          totalBytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
        },
        findings: [
          ...kept.flatMap((one) => judgeKept(one, refreshed.get(one.server), olderThanMinutes)),
          ...(version === undefined ? [noVersion] : []),
        ],
      });
    },
  });

async function timed<T>(act: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedAt = performance.now();
  const value = await act();
  return { value, ms: Math.round((performance.now() - startedAt) * 100) / 100 };
}

async function look(
  server: ActiveServer,
  { shortLived }: Pick<SpecialistDeps, 'shortLived'>,
  signal: AbortSignal,
  now: Date,
): Promise<Kept> {
  const confirmed = await withinTime(READ_WITHIN_MS, signal, () =>
    confirmedAt(shortLived, server.tenantId, server.slug),
  );
  return keptOf(server, confirmed.ok ? confirmed.value : undefined, now);
}

async function refreshThem(
  servers: readonly ActiveServer[],
  refresh: (server: ActiveServer) => Promise<Refreshed>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Refreshed>> {
  const waiting = [...servers];
  const done = new Map<string, Refreshed>();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let server = waiting.shift(); server && !signal.aborted; server = waiting.shift())
        done.set(server.slug, await refresh(server));
    }),
  );
  return done;
}

/** `2 unchanged, 1 updated`. */
const countOf = (refreshed: ReadonlyMap<string, Refreshed>): string =>
  [...Map.groupBy(refreshed.values(), (outcome) => outcome)]
    .map(([outcome, all]) => `${all.length} ${outcome}`)
    .sort()
    .join(', ');

const noVersion: Finding = {
  rule: 'registry_version_unknown',
  severity: 'warning',
  message:
    'the registry has no version in the short-lived state, so that every list is read from the tables anew',
  evidence: {},
  remedy: 'See that the short-lived state answers: mcp_server_health does.',
};
