import { roles } from '../../identity/access/actor.ts';
import { isPermission, type Permission, permissionNames } from '../../identity/access/permissions.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import { callEndpoint, resourceOfApp, tokenFor, tracedHeaders } from '../callEndpoint.ts';
import { tokenNotKept } from '../checkEndpoints.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { accessFindings, rightsIn } from './accessRules.ts';
import { finding as sharedFinding } from './findings.ts';

type TestDeps = Pick<SpecialistDeps, 'config' | 'outbound'>;

/** A request that changes nothing for any caller: a read, or a request whose body is invalid. */
interface Probe {
  readonly permission: Permission;
  readonly app: 'management' | 'mcp';
  readonly path: string;
  readonly body?: string;
}
const read = (permission: Permission, path: string): Probe => ({ permission, app: 'management', path });
const refused = (permission: Permission, path: string): Probe => ({ ...read(permission, path), body: '{}' });

const probes: readonly Probe[] = [
  read('servers.read', 'servers?limit=1'),
  refused('servers.write', 'servers'),
  read('registryLinks.manage', 'registry-links?limit=1'),
  read('registrySync.read', 'registry-sync'),
  read('toolsets.read', 'toolsets?limit=1'),
  refused('toolsets.write', 'toolsets'),
  read('plans.read', 'plans?limit=1'),
  refused('plans.write', 'plans'),
  read('delegations.read', 'delegations?limit=1'),
  refused('delegations.write', 'delegations'),
  read('agents.read', 'agents'),
  read('reports.read', 'reports?limit=1'),
  read('audit.read', 'audit?limit=1'),
  read('sessions.own', 'sessions/none'),
  read('pools.read', 'resource-pools'),
  refused('pools.write', 'resource-pools/allocations'),
  { permission: 'mcp.use', app: 'mcp', path: 'mcp', body: '{}' },
];

const HTTP_WITHIN_MS = 10_000;

const finding = defineFindings({
  open_without_token: ({ request, ...facts }: WrongAnswer) => ({
    severity: 'critical',
    message: `${request} answers a request without a token with ${facts.status} instead of 401`,
    evidence: facts,
    remedy: guardRoute(facts.permission),
  }),
  open_without_role: ({ request, ...facts }: WrongAnswer) => ({
    severity: 'critical',
    message: `${request} answers the owner of the session with ${facts.status}, although their roles do not include ${facts.permission}`,
    evidence: facts,
    remedy: guardRoute(facts.permission),
  }),
  closed_to_role: ({ request, ...facts }: WrongAnswer) => ({
    severity: 'critical',
    message: `${request} answers the owner of the session with ${facts.status}, although their roles include ${facts.permission}`,
    evidence: facts,
    remedy: 'Compare the settings of both apps: the same token must give the same permissions in both.',
  }),
});
interface WrongAnswer {
  readonly request: string;
  readonly permission: Permission;
  readonly app: string;
  readonly path: string;
  readonly status: number;
}
const guardRoute = (permission: Permission): string =>
  `Give the route the permission ${permission}, and check the proxies in front of the app.`;

const { gateCheck } = inspectionsOf('mcp-security-auditor');

export const roleBasedAccessTest = (deps: TestDeps): Task =>
  gateCheck({
    name: 'role_based_access_test',
    permissions: ['delegations.read'],
    description:
      "Checks each role and permission against the intents of the roles, and calls both apps over HTTP: without a token they must reject everything, and with the session's token exactly what its owner's roles do not include.",
    timeoutMs: 30_000,
    async inspect(_, helpers) {
      const mayDo = rightsIn(helpers.tenantId);
      const { actor } = helpers;
      const token = await helpers.token();
      const [withoutToken, withToken] = await Promise.all([
        Promise.all(probes.map((probe) => ask(probe, undefined, helpers, deps))),
        token === undefined || !actor
          ? undefined
          : Promise.all(
              probes
                .filter(({ app }) => tokenFor(resourceOfApp(app, deps.config), token, deps.config))
                .map((probe) => ask(probe, token, helpers, deps)),
            ),
      ]);
      const findings = [
        ...accessFindings(permissionNames, mayDo, isPermission),
        ...withoutToken.flatMap((answer) => answerFindings(answer, 'nobody')),
        ...(withToken && actor
          ? withToken.flatMap((answer) =>
              answerFindings(answer, mayDo(actor.roles, answer.probe.permission) ? 'permitted' : 'lacking'),
            )
          : [tokenNotKept('access with a token')]),
      ];
      return {
        findings,
        facts: {
          pairs: roles.length * permissionNames.length,
          askedWithoutToken: withoutToken.length,
          askedWithToken: withToken?.length ?? 0,
          ...(actor && { rolesOfToken: actor.roles }),
        },
      };
    },
  });

interface Answered {
  readonly probe: Probe;
  /** Undefined if there was no answer. */
  readonly status: number | undefined;
  readonly reason?: string;
}

async function ask(
  probe: Probe,
  token: string | undefined,
  { signal, traceId }: TaskHelpers,
  { config, outbound }: TestDeps,
): Promise<Answered> {
  const origin = probe.app === 'mcp' ? config.publicOrigin : config.managementOrigin;
  const called = await callEndpoint(outbound, {
    method: probe.body === undefined ? 'GET' : 'POST',
    url: `${origin}/${probe.path}`,
    ...(probe.body !== undefined && { body: probe.body }),
    token,
    headers: tracedHeaders(traceId),
    signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_WITHIN_MS)]),
  });
  if (!called.ok) return { probe, status: undefined, reason: called.error.message };
  return { probe, status: called.value.status };
}

/** `nobody` sent no token; the owner of the token has the permission (`permitted`) or not (`lacking`). */
function answerFindings(
  { probe, status, reason }: Answered,
  caller: 'nobody' | 'permitted' | 'lacking',
): Finding[] {
  const { permission, app, path, body } = probe;
  const request = `${body === undefined ? 'GET' : 'POST'} /${path.replace(/\?.*/, '')} of the ${app} app`;
  const facts = { request, permission, app, path };
  if (status === undefined) return [sharedFinding('app_unreachable', { ...facts, problem: reason ?? '' })];
  if (caller === 'nobody' && status !== 401) return [finding('open_without_token', { ...facts, status })];
  if (caller === 'lacking' && status !== 403) return [finding('open_without_role', { ...facts, status })];
  if (caller === 'permitted' && (status === 401 || status === 403))
    return [finding('closed_to_role', { ...facts, status })];
  return [];
}
