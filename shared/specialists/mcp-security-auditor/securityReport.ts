import { z } from 'zod';
import { isPermission, isPermitted, permissionNames } from '../../identity/access/permissions.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { accessFindings } from './accessRules.ts';
import { analyseTrail, lastDay } from './auditTrailAnalysis.ts';
import { lookAtTenant } from './identityProvider.ts';
import type { SetupDeps } from './oauthSetup.ts';
import { principalWith } from './roleAccess.ts';

const MAX_RECORDS = 5_000;
const MAX_SERVERS = 500;
const LOOK_WITHIN_MS = 20_000;

/** Where sign-in, rights, servers, settings and the trail stand, each looked at anew. */
export const securityReport = (deps: SetupDeps & Pick<SpecialistDeps, 'servers' | 'operatorTenant'>): Task =>
  defineTask({
    name: 'generate_security_report',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Where security stands for the tenant now: its token issuer, what the roles may do, its servers and how they are protected, and its audit trail of the last day with the chains verified; for the tenant of the operator also the settings that open something.',
    timeoutMs: 110_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const { signal, tenantId } = helpers;
      const [signIn, trail, servers] = await Promise.all([
        lookAtTenant(tenantId, deps, signal),
        analyseTrail(lastDay(MAX_RECORDS), helpers, deps),
        lookAtServers(helpers, deps.servers),
      ]);
      const mayDo = (granted: Parameters<typeof principalWith>[0], name: string) =>
        isPermission(name) && isPermitted(principalWith(granted, tenantId), name, tenantId);
      const findings = [
        ...signIn.findings,
        ...accessFindings(permissionNames, mayDo, isPermission),
        ...(tenantId === deps.operatorTenant ? settingFindings(deps) : []),
        ...servers.findings,
        ...trail.findings,
      ].sort((a, b) => rank[b.severity] - rank[a.severity]);
      const count = (wanted: Finding['severity']) =>
        findings.filter(({ severity }) => severity === wanted).length;
      const [critical, warnings] = [count('critical'), count('warning')];
      const [worst] = findings;
      return succeed({
        summary:
          critical + warnings === 0
            ? 'Nothing was found that endangers the tenant.'
            : `${critical} critical findings and ${warnings} warnings, first: ${worst?.message ?? ''}.`,
        facts: {
          signIn: signIn.evidence,
          access: { permissions: permissionNames.length },
          servers: servers.facts,
          auditTrail: trail.facts,
        },
        findings,
      });
    },
  });

const rank = { info: 0, warning: 1, critical: 2 } as const;

/** Settings that open something; by name, and never by value. */
function settingFindings({ config }: Pick<SetupDeps, 'config'>): Finding[] {
  const say = (rule: string, setting: string, message: string, remedy: string): Finding => ({
    rule,
    severity: 'info',
    message,
    evidence: { setting },
    remedy,
  });
  return [
    ...(config.localIssuer === undefined
      ? []
      : [
          say(
            'local_issuer',
            'MREG_LOCAL_ISSUER',
            'tokens come from the local issuer, which gives them to everyone who asks',
            "Leave it unset anywhere but on a developer's machine; production does not start with it.",
          ),
        ]),
    ...(config.privateUpstreams
      ? [
          say(
            'private_upstreams',
            'MREG_PRIVATE_UPSTREAMS',
            'servers may be at loopback and private addresses',
            "Leave it unset anywhere but on a developer's machine; production does not start with it.",
          ),
        ]
      : []),
  ];
}

interface ServersLook {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** What never leaves the machine is read by nobody on the way. */
const isLoopback = (url: string): boolean => /^http:\/\/(127\.|\[::1\]|localhost[:/])/.test(url);

async function lookAtServers({ tenantId, signal }: TaskHelpers, servers: ServerStore): Promise<ServersLook> {
  const read = await withinTime(LOOK_WITHIN_MS, signal, async (own) => {
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
  if (!read.ok)
    return {
      facts: {},
      findings: [
        {
          rule: 'servers_unread',
          severity: 'warning',
          message: `the servers were not looked at: ${read.error.message}`,
          evidence: { reason: read.error.message },
          remedy: 'Look at the storage account of the gateway, then ask for the report again.',
        },
      ],
    };
  const plain = read.value.filter(({ isPlain }) => isPlain).map(({ slug }) => slug);
  return {
    facts: {
      active: read.value.length,
      shared: read.value.filter(({ isShared }) => isShared).map(({ slug }) => slug),
    },
    findings:
      plain.length === 0
        ? []
        : [
            {
              rule: 'server_without_tls',
              severity: 'warning',
              message: `${plain.length} servers are called over plain http: whoever is between reads and changes what they say`,
              evidence: { servers: plain.slice(0, 20) },
              remedy: 'Register each under its https address.',
            },
          ],
  };
}
