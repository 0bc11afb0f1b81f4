import { probeServer } from '../../gateway/catalogue/probeServer.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';

const SERVER_WITHIN_MS = 10_000;
const MAX_CALLS = 500;

interface Discovered {
  readonly server: string;
  readonly era: string;
  readonly protocolVersion: string;
}

const finding = defineFindings({
  server_still_unusable: ({ server, kind, why }: { server: string; kind: string; why: string }) => ({
    severity: 'critical',
    message: `the server "${server}" cannot be used now either: ${why}`,
    evidence: { server, kind },
    remedy:
      'Report it to the owner of the server; mcp-protocol-expert checks the server against the specification in detail.',
  }),
  server_changed_era: ({
    server,
    era,
    protocolVersion,
    registeredEra,
    registeredVersion,
  }: Discovered & { readonly registeredEra: string; readonly registeredVersion: string }) => ({
    severity: 'warning',
    message: `the server "${server}" speaks ${protocolVersion} now, and was registered with ${registeredVersion}`,
    evidence: { server, era, registeredEra },
    remedy: 'Refresh its lists with the task type_caching_optimization of fastmcp-specialist.',
  }),
  server_answers_now: ({ server }: Discovered) => ({
    severity: 'info',
    message: `the server "${server}" can be discovered as it must, so the violation was in one answer`,
    remedy: 'Check the tool that the trace names; mcp-protocol-expert checks the server in detail.',
  }),
  server_unknown: {
    severity: 'info',
    message: 'the event names a server that this tenant does not see, or the registry did not answer',
    remedy: 'Check whether the server was removed in the meantime.',
  },
});

/** Counts the outcomes of recent calls to a server, and discovers the server again. */
export async function inspectServer(
  server: string,
  kind: string | undefined,
  from: Date,
  deps: SpecialistDeps,
  { tenantId, signal }: TaskHelpers,
): Promise<Inspection> {
  const calls = withTimeout(SERVER_WITHIN_MS, signal, (own) =>
    readRecords(
      deps.trail,
      tenantId,
      { from },
      {
        limit: MAX_CALLS,
        signal: own,
        wanted: ({ resource, ownCheck }) => ownCheck !== true && isOf(server, resource),
      },
    ),
  );
  const stored = await withTimeout(SERVER_WITHIN_MS, signal, () =>
    deps.visibleServers.find(tenantId, server),
  );
  const record = stored.ok ? stored.value?.value : undefined;
  const now = record ? await discoverAgain(record, deps, signal) : finding('server_unknown', { server });
  const read = await calls;
  const outcomes = Map.groupBy(read.ok ? read.value.records : [], ({ outcome }) => outcome);
  return {
    facts: {
      server,
      violation: kind,
      status: record?.status,
      callsByOutcome: Object.fromEntries([...outcomes].map(([name, group]) => [name, group.length])),
    },
    findings: [now],
  };
}

const isOf = (slug: string, resource: string): boolean =>
  resource === `servers/${slug}` || resource.startsWith(`servers/${slug}/`);

async function discoverAgain(
  record: ServerRecord,
  deps: SpecialistDeps,
  signal: AbortSignal,
): Promise<Finding> {
  const { slug: server, discovery: registered } = record;
  const found = await probeServer(record, deps, SERVER_WITHIN_MS, signal);
  if (!found.ok)
    return finding('server_still_unusable', { server, kind: found.error.kind, why: found.error.message });
  const { era, protocolVersion } = found.value;
  const now = { server, era, protocolVersion };
  if (!registered || registered.era === era) return finding('server_answers_now', now);
  return finding('server_changed_era', {
    ...now,
    registeredEra: registered.era,
    registeredVersion: registered.protocolVersion,
  });
}
