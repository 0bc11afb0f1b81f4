import * as z from 'zod';
import { isPermission, permissionNames } from '../../identity/access/permissions.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { withTimeout } from '../withTimeout.ts';
import { accessFindings, rightsIn } from './accessRules.ts';
import { analyseTrail, lastDay } from './auditTrailAnalysis.ts';
import { inspectTenant } from './identityProvider.ts';
import type { SetupDeps } from './oauthSetup.ts';

const MAX_RECORDS = 5_000;
const MAX_SERVERS = 500;
const LOOK_WITHIN_MS = 20_000;

const finding = defineFindings({
  local_issuer: (facts: { setting: string }) => ({
    severity: 'info',
    message: 'tokens come from the local issuer, which issues them to everyone',
    evidence: facts,
    remedy: 'Set it only on the machine of a developer: production does not start with it.',
  }),
  private_upstreams: (facts: { setting: string }) => ({
    severity: 'info',
    message: 'servers may have loopback and private addresses',
    evidence: facts,
    remedy: 'Set it only on the machine of a developer: production does not start with it.',
  }),
  servers_unread: ({ reason }: { reason: string }) => ({
    severity: 'warning',
    message: `the servers were not checked: ${reason}`,
    remedy: 'Check the storage account of the gateway, then run the report again.',
  }),
  server_without_tls: ({ servers }: { servers: readonly string[] }) => ({
    severity: 'warning',
    message: `${servers.length} servers are called over plain http: the network in between can read and change their messages`,
    evidence: { servers: servers.slice(0, 20) },
    remedy: 'Register each server under its https address.',
  }),
});

const { report } = inspectionsOf('mcp-security-auditor');

/** Reports on sign-in, permissions, servers, settings and the audit trail of the tenant. */
export const securityReport = (deps: SetupDeps & Pick<SpecialistDeps, 'servers' | 'operatorTenant'>): Task =>
  report({
    name: 'generate_security_report',
    permissions: ['audit.read'],
    description:
      'Reports on the security of the tenant now: its token issuer, the permissions of the roles, its servers and their protection, and its audit trail of the last day with verified hash chains; for the tenant of the operator also the settings that weaken security.',
    timeoutMs: 110_000,
    input: z.strictObject({}),
    async inspect(_, helpers) {
      const { signal, tenantId } = helpers;
      const [signIn, trail, servers] = await Promise.all([
        inspectTenant(tenantId, deps, signal),
        analyseTrail(lastDay(MAX_RECORDS), helpers, deps),
        inspectServers(helpers, deps.servers),
      ]);
      const findings = [
        ...signIn.findings,
        ...accessFindings(permissionNames, rightsIn(tenantId), isPermission),
        ...(tenantId === deps.operatorTenant ? settingFindings(deps) : []),
        ...servers.findings,
        ...trail.findings,
      ].sort((a, b) => rank[b.severity] - rank[a.severity]);
      const count = (wanted: Finding['severity']) =>
        findings.filter(({ severity }) => severity === wanted).length;
      const [critical, warnings] = [count('critical'), count('warning')];
      const [worst] = findings;
      return {
        summary:
          critical + warnings === 0
            ? 'No security problem was found.'
            : `${critical} critical findings and ${warnings} warnings, first: ${worst?.message ?? ''}.`,
        facts: {
          signIn: signIn.evidence,
          access: { permissions: permissionNames.length },
          servers: servers.facts,
          auditTrail: trail.facts,
        },
        findings,
      };
    },
  });

const rank = { info: 0, warning: 1, critical: 2 } as const;

/** Returns the settings that weaken security, by name and never by value. */
const settingFindings = ({ config }: Pick<SetupDeps, 'config'>): Finding[] => [
  ...(config.localIssuer === undefined ? [] : [finding('local_issuer', { setting: 'MREG_LOCAL_ISSUER' })]),
  ...(config.privateUpstreams ? [finding('private_upstreams', { setting: 'MREG_PRIVATE_UPSTREAMS' })] : []),
];

/** Messages to a loopback address do not leave the machine. */
const isLoopback = (url: string): boolean => /^http:\/\/(127\.|\[::1\]|localhost[:/])/.test(url);

async function inspectServers({ tenantId, signal }: TaskHelpers, servers: ServerStore): Promise<Inspection> {
  const read = await withTimeout(LOOK_WITHIN_MS, signal, async (own) => {
    const found: { slug: string; isPlain: boolean; isShared: boolean }[] = [];
    let after: string | undefined;
    do {
      own.throwIfAborted();
      const page = await servers.list(tenantId, { status: 'active' }, 100, after);
      for (const { slug, url, visibility } of page.items)
        found.push({
          slug,
          isPlain: !url.startsWith('https:') && !isLoopback(url),
          isShared: visibility === 'shared',
        });
      after = page.after;
    } while (after !== undefined && found.length < MAX_SERVERS);
    return found;
  });
  if (!read.ok) return { facts: {}, findings: [finding('servers_unread', { reason: read.error.message })] };
  const plain = read.value.filter(({ isPlain }) => isPlain).map(({ slug }) => slug);
  return {
    facts: {
      active: read.value.length,
      shared: read.value.filter(({ isShared }) => isShared).map(({ slug }) => slug),
    },
    findings: plain.length === 0 ? [] : [finding('server_without_tls', { servers: plain })],
  };
}
