import { discoverServer } from '../../gateway/catalogue/discovery.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import type { Look } from './bothApps.ts';
import { readRecords } from '../readRecords.ts';

const SERVER_WITHIN_MS = 10_000;
const MAX_CALLS = 500;

/** What became of recent calls to a server, and whether it can be discovered now. */
export async function lookAtServer(
  slug: string,
  kind: string | undefined,
  from: Date,
  deps: SpecialistDeps,
  { tenantId, signal }: TaskHelpers,
): Promise<Look> {
  const calls = withinTime(SERVER_WITHIN_MS, signal, (own) =>
    readRecords(
      deps.trail,
      tenantId,
      { from },
      { limit: MAX_CALLS, signal: own, wanted: ({ resource }) => isOf(slug, resource) },
    ),
  );
  const stored = await withinTime(SERVER_WITHIN_MS, signal, () => deps.visibleServers.find(tenantId, slug));
  const record = stored.ok ? stored.value?.value : undefined;
  const now = record && (await tryServer(record, deps, signal));
  const read = await calls;
  const outcomes = Map.groupBy(read.ok ? read.value.records : [], ({ outcome }) => outcome);
  return {
    facts: {
      server: slug,
      violation: kind,
      status: record?.status,
      callsByOutcome: Object.fromEntries([...outcomes].map(([name, group]) => [name, group.length])),
    },
    findings: now ?? [unknownServer(slug)],
  };
}

const isOf = (slug: string, resource: string): boolean =>
  resource === `servers/${slug}` || resource.startsWith(`servers/${slug}/`);

async function tryServer(
  record: ServerRecord,
  deps: SpecialistDeps,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { slug, discovery } = record;
  const within = AbortSignal.any([signal, AbortSignal.timeout(SERVER_WITHIN_MS)]);
  const found = await discoverServer(record, deps, within);
  if (!found.ok)
    return [
      {
        rule: 'server_still_unusable',
        severity: 'critical',
        message: `the server "${slug}" cannot be used now either: ${found.error.message}`,
        evidence: { server: slug, kind: found.error.kind },
        remedy:
          'Tell the owner of the server; mcp-protocol-expert holds it against the specification in detail.',
      },
    ];
  const { era, protocolVersion } = found.value;
  if (discovery && discovery.era !== era)
    return [
      {
        rule: 'server_changed_era',
        severity: 'warning',
        message: `the server "${slug}" speaks ${protocolVersion} now, and was registered with ${discovery.protocolVersion}`,
        evidence: { server: slug, era, registeredEra: discovery.era },
        remedy:
          'Have its lists brought up to date: the task type_caching_optimization of fastmcp-specialist does so.',
      },
    ];
  return [
    {
      rule: 'server_answers_now',
      severity: 'info',
      message: `the server "${slug}" lets itself be discovered as it must, so the violation was in one answer`,
      evidence: { server: slug, era, protocolVersion },
      remedy: 'Look at the tool that the trace names; mcp-protocol-expert checks the server in detail.',
    },
  ];
}

const unknownServer = (slug: string): Finding => ({
  rule: 'server_unknown',
  severity: 'info',
  message: 'the event names a server that this tenant does not see, or the registry did not answer',
  evidence: { server: slug },
  remedy: 'It may have been removed meanwhile.',
});
