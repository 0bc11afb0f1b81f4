import * as z from 'zod';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import { confirmedAt, createRefresh, type Refreshed } from '../../gateway/catalogue/refresh.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, reportSchema } from '../finding.ts';
import { withTimeout } from '../withTimeout.ts';

/** The timer compares each server every 15 minutes: twice that means that a run was missed. */
const OLD_AFTER_MINUTES = 30;
const READ_WITHIN_MS = 8_000;
/** How many servers are discovered at once, the same as in the timer. */
const AT_ONCE = 4;

const finding = defineFindings({
  list_not_refreshed: ({ server, ageMinutes }: ListAge) => ({
    severity: 'warning',
    message: `the cached lists of the server "${server}" are ${ageMinutes} minutes old and could not be refreshed: the server does not answer`,
    remedy: 'Check that the server runs. Until it does, clients see its last lists, and calls to it fail.',
  }),
  list_was_stale: ({ server }: ListAge) => ({
    severity: 'info',
    message: `the cached lists of the server "${server}" were stale and were replaced`,
    remedy:
      'None. If it happens often, let the server declare listChanged and send a notification when its lists change.',
  }),
  list_overdue: ({ server, ageMinutes }: ListAge) => ({
    severity: 'warning',
    message: `the lists of the server "${server}" were not compared with the server for ${ageMinutes} minutes`,
    remedy: 'Check that the timer catalogue-refresh of the mcp app runs: it compares them every 15 minutes.',
  }),
  list_large: ({ server, bytes }: { server: string; bytes: number; tools: number }) => ({
    severity: 'warning',
    message: `the lists of the server "${server}" have ${Math.round(bytes / 1024)} KiB, and every client reads all of them`,
    remedy:
      'Make a toolset of the tools that are needed, or ask the owner to shorten descriptions and schemas.',
  }),
  registry_version_unknown: () => ({
    severity: 'warning',
    message:
      'the short-lived state has no version of the registry, so every list is read from the tables again',
    remedy: 'Run mcp_server_health: it checks the short-lived state.',
  }),
});
interface ListAge {
  readonly server: string;
  readonly ageMinutes: number;
  readonly confirmedAt: string;
}

export const typeCaching = (deps: SpecialistDeps): Task =>
  defineTask({
    name: 'type_caching_optimization',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Reports the age and size of the cached lists of each server (tools, prompts, resources), refreshes lists that are too old, reads the catalogue into memory, and reports which lists were refreshed, which had changed and which servers could not be reached.',
    timeoutMs: 120_000,
    input: z.strictObject({
      olderThanMinutes: z
        .int()
        .min(0)
        .max(24 * 60)
        .default(OLD_AFTER_MINUTES)
        .describe('Lists that were not confirmed for longer are refreshed.'),
    }),
    output: reportSchema,
    async run({ olderThanMinutes }, helpers) {
      const { tenantId, signal, clock } = helpers;
      const catalogue = createCatalogue(deps);
      const cold = await timed(() =>
        withTimeout(READ_WITHIN_MS, signal, () =>
          Promise.all([catalogue.all(tenantId), deps.visibleServers.version(tenantId)]),
        ),
      );
      if (!cold.value.ok)
        return fail({ kind: cold.value.error.kind, message: `the registry: ${cold.value.error.message}` });
      const [servers, version] = cold.value.value;
      const warm = await timed(() => catalogue.all(tenantId));
      const cached = await Promise.all(servers.map((server) => readAge(server, deps, signal, clock.now())));
      const old = servers.filter((_, index) => (cached[index]?.ageMinutes ?? 0) >= olderThanMinutes);
      const discoveries = createFairQueue(AT_ONCE, 1);
      const refresh = createRefresh({ ...deps, discoveries }, catalogue.invalidate);
      const refreshed = await refreshAll(old, refresh, signal);
      const counts = countOf(refreshed);
      return succeed({
        summary: `${servers.length} servers have cached lists, ${old.length} of them older than ${olderThanMinutes} minutes: ${counts || 'none was refreshed'}.`,
        facts: {
          servers: cached,
          refreshed: Object.fromEntries(refreshed),
          catalogue: { coldMs: cold.ms, warmMs: warm.ms, versionKnown: version !== undefined },
          totalBytes: cached.reduce((sum, { bytes }) => sum + bytes, 0),
        },
        findings: [
          ...cached.flatMap((one) => listFindings(one, refreshed.get(one.server), olderThanMinutes)),
          ...(version === undefined ? [finding('registry_version_unknown', {})] : []),
        ],
      });
    },
  });

async function timed<T>(act: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedAt = performance.now();
  const value = await act();
  return { value, ms: Math.round((performance.now() - startedAt) * 100) / 100 };
}

async function readAge(
  server: ActiveServer,
  { shortLived }: Pick<SpecialistDeps, 'shortLived'>,
  signal: AbortSignal,
  now: Date,
): Promise<CachedLists> {
  const confirmed = await withTimeout(READ_WITHIN_MS, signal, () =>
    confirmedAt(shortLived, server.tenantId, server.slug),
  );
  return cachedListsOf(server, confirmed.ok ? confirmed.value : undefined, now);
}

async function refreshAll(
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

/** The lists that the registry caches for one server, and when they were last confirmed. */
export interface CachedLists {
  readonly server: string;
  readonly era: string;
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  /** The size of the lists as JSON. */
  readonly bytes: number;
  readonly changedAt: string;
  readonly confirmedAt: string;
  readonly ageMinutes: number;
}

/** Half of the room in a record. */
const LARGE_BYTES = 200 * 1024;
const MINUTE_MS = 60_000;

/** `confirmed`: when the lists were last compared with the server, if that is known. */
export function cachedListsOf(
  { slug, discovery }: ActiveServer,
  confirmed: string | undefined,
  now: Date,
): CachedLists {
  const { era, tools, prompts = [], resources = [], resourceTemplates = [], discoveredAt } = discovery;
  const confirmedAt = confirmed !== undefined && confirmed > discoveredAt ? confirmed : discoveredAt;
  const lists = [tools, prompts, resources, resourceTemplates];
  return {
    server: slug,
    era,
    tools: tools.length,
    prompts: prompts.length,
    resources: resources.length + resourceTemplates.length,
    bytes: lists.reduce((sum, list) => sum + Buffer.byteLength(JSON.stringify(list)), 0),
    changedAt: discoveredAt,
    confirmedAt,
    ageMinutes: Math.floor((now.getTime() - Date.parse(confirmedAt)) / MINUTE_MS),
  };
}

/** Returns what follows from the age and size of cached lists, and from the outcome of their refresh. */
export function listFindings(
  lists: CachedLists,
  refreshed: Refreshed | undefined,
  oldAfterMinutes: number,
): readonly Finding[] {
  const { server, bytes, tools, ageMinutes, confirmedAt } = lists;
  const age = { server, ageMinutes, confirmedAt };
  const findings: Finding[] = [];
  if (refreshed === 'unavailable') findings.push(finding('list_not_refreshed', age));
  if (refreshed === 'updated') findings.push(finding('list_was_stale', age));
  const isOverdue = refreshed !== undefined && oldAfterMinutes > 0 && ageMinutes >= 2 * oldAfterMinutes;
  if (isOverdue && refreshed !== 'unavailable') findings.push(finding('list_overdue', age));
  if (bytes > LARGE_BYTES) findings.push(finding('list_large', { server, bytes, tools }));
  return findings;
}
