import { z } from 'zod';
import {
  type Permission,
  isPermission,
  isPermitted,
  permissionNames,
} from '../../identity/access/permissions.ts';
import { roles } from '../../identity/access/actor.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { accessFindings } from './accessRules.ts';
import { principalWith } from './roleAccess.ts';
import { tracedHeaders } from '../tracedHeaders.ts';

type TestDeps = Pick<SpecialistDeps, 'config' | 'outbound'>;

/** A request that changes nothing, whoever makes it: a read, or one whose body is refused once the caller is let in. */
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

export const roleBasedAccessTest = (deps: TestDeps): Task =>
  defineTask({
    name: 'role_based_access_test',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      "Holds each role and permission against what the roles are for, and asks both apps over HTTP: without a token they must refuse everything, and with the session's token just what its owner's roles do not include.",
    timeoutMs: 30_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      // As in the tenant of the operator: roles give less elsewhere, and never more.
      const mayDo = (granted: Parameters<typeof principalWith>[0], name: string) =>
        isPermission(name) && isPermitted(principalWith(granted, helpers.tenantId), name, helpers.tenantId);
      const { actor } = helpers;
      const token = await helpers.token();
      const [withoutToken, withToken] = await Promise.all([
        Promise.all(probes.map((probe) => ask(probe, undefined, helpers, deps))),
        token === undefined || !actor
          ? undefined
          : Promise.all(probes.map((probe) => ask(probe, token, helpers, deps))),
      ]);
      const findings = [
        ...accessFindings(permissionNames, mayDo, isPermission),
        ...withoutToken.flatMap((answer) => findingOf(answer, 'nobody')),
        ...(withToken && actor
          ? withToken.flatMap((answer) =>
              findingOf(answer, mayDo(actor.roles, answer.probe.permission) ? 'permitted' : 'lacking'),
            )
          : [notAskedWithToken]),
      ];
      return succeed(
        verdict(findings, {
          pairs: roles.length * permissionNames.length,
          askedWithoutToken: withoutToken.length,
          askedWithToken: withToken?.length ?? 0,
          ...(actor && { rolesOfToken: actor.roles }),
        }),
      );
    },
  });

interface Answered {
  readonly probe: Probe;
  /** Undefined where nothing answered. */
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

/** `nobody` sent no token; the owner of the token is `permitted`, or the permission is `lacking`. */
function findingOf(
  { probe, status, reason }: Answered,
  asker: 'nobody' | 'permitted' | 'lacking',
): Finding[] {
  const { permission, app, path, body } = probe;
  const what = `${body === undefined ? 'GET' : 'POST'} /${path.replace(/\?.*/, '')} of the ${app} app`;
  const say = (rule: string, message: string, remedy: string): Finding[] => [
    {
      rule,
      severity: 'critical',
      message,
      evidence: { permission, app, path, status: status ?? null },
      remedy,
    },
  ];
  if (status === undefined)
    return say(
      'app_unreachable',
      `${what} was not asked: ${reason ?? ''}`,
      'Check that the app runs and that its origin in the settings is the one where it answers.',
    );
  const wrong = `answers ${asker === 'nobody' ? 'a request without a token' : 'the owner of the session'} with ${status}`;
  const guard = `Give the route the permission ${permission}, and look at what stands before the app.`;
  if (asker === 'nobody' && status !== 401)
    return say('open_without_token', `${what} ${wrong} instead of 401`, guard);
  if (asker === 'lacking' && status !== 403)
    return say('open_without_role', `${what} ${wrong}, whose roles do not include ${permission}`, guard);
  if (asker === 'permitted' && (status === 401 || status === 403))
    return say(
      'closed_to_role',
      `${what} ${wrong}, although their roles include ${permission}`,
      'Compare the settings of both apps: the same token must mean the same in both.',
    );
  return [];
}

const notAskedWithToken: Finding = {
  rule: 'token_not_kept',
  severity: 'info',
  message: 'the apps were asked without a token only: there is no session that keeps its token',
  evidence: {},
  remedy: 'Open a session with {"keepToken": true} and name it, to have its roles tried.',
};
