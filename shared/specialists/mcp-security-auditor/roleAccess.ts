import { z } from 'zod';
import { findNamed, slugIn } from '../../gateway/catalogue/names.ts';
import {
  type Permission,
  isOfOperatorTenant,
  isPermitted,
  permissionNames,
  rolesWith,
} from '../../identity/access/permissions.ts';
import { type Principal, type Role, roles } from '../../identity/access/actor.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';

const inputSchema = z.strictObject({
  role: z.enum(roles).optional().describe("Whose access; the caller's when absent."),
  server: slugSchema.optional().describe('A server of which access to `tool` is evaluated.'),
  tool: z
    .string()
    .max(200)
    .optional()
    .describe('A tool: by its own name beside `server`, else as `{server}__{tool}`.'),
});

const decisionSchema = z.object({ allowed: z.boolean(), rule: z.string().describe('What decided it.') });
const outputSchema = reportSchema.extend({
  roles: z.array(z.enum(roles)),
  permissions: z.array(decisionSchema.extend({ permission: z.string() })),
  tool: decisionSchema.extend({ server: z.string(), tool: z.string() }).optional(),
});

/** Whoever has these roles, for questions about what they may do. */
export const principalWith = (granted: readonly Role[], tenantId: string): Principal => ({
  tenantId,
  userId: '',
  kind: 'user',
  clientId: '',
  roles: granted,
  expiresAt: 0,
});

export const roleBasedAccess = ({
  visibleServers,
  operatorTenant,
}: Pick<SpecialistDeps, 'visibleServers' | 'operatorTenant'>): Task =>
  defineTask({
    name: 'role_based_access',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      'Says for the caller, or for a role, which permission is given and which is not, with the rule that decided; and for a tool whether there is such a tool and whether they may call it.',
    timeoutMs: 15_000,
    input: inputSchema,
    output: outputSchema,
    async run({ role, server, tool }, { tenantId, actor }) {
      const granted = role === undefined ? [...(actor?.roles ?? [])] : [role];
      const principal = principalWith(granted, tenantId);
      const permissions = permissionNames.map((permission) => ({
        permission,
        ...decide(principal, permission, operatorTenant),
      }));
      const asked = tool !== undefined || server !== undefined;
      const named = { server: server ?? slugIn(tool ?? '') ?? '', tool: tool ?? '' };
      const access = asked
        ? await toolAccess(named, server === undefined, principal, visibleServers)
        : undefined;
      const findings: Finding[] = role === undefined && !actor ? [noActor] : [];
      const allowed = permissions.filter((permission) => permission.allowed).length;
      const who = role ?? (actor ? 'the caller' : 'somebody without a role');
      return succeed({
        summary:
          `${who} has ${allowed} of ${permissions.length} permissions` +
          (access ? `, and may ${access.allowed ? '' : 'not '}call the tool: ${access.rule}.` : '.'),
        facts: { allowed, denied: permissions.length - allowed },
        findings,
        roles: granted,
        permissions,
        ...(access && { tool: { ...named, ...access } }),
      });
    },
  });

type Decision = z.infer<typeof decisionSchema>;

function decide(principal: Principal, permission: Permission, operatorTenant?: string): Decision {
  const allowed = isPermitted(principal, permission, operatorTenant);
  const where = isOfOperatorTenant(permission) ? ' of the tenant of the operator' : '';
  const having = `${rolesWith(permission).join(', ')}${where}`;
  const own = principal.roles.length === 0 ? 'no role' : principal.roles.join(', ');
  return { allowed, rule: `${permission} is given to ${having}; this is ${own}` };
}

/** First whether they may call tools at all, then what the gateway would find: nothing is called. */
async function toolAccess(
  { server: slug, tool: name }: { readonly server: string; readonly tool: string },
  isAggregate: boolean,
  principal: Principal,
  servers: VisibleServers,
): Promise<Decision> {
  const may = decide(principal, 'mcp.use');
  if (!may.allowed) return may;
  const denied = (rule: string): Decision => ({ allowed: false, rule });
  const found = slugSchema.safeParse(slug).success ? await servers.find(principal.tenantId, slug) : undefined;
  if (!found) return denied(`the tenant sees no server "${slug}"`);
  const { status, discovery, tenantId } = found.value;
  if (status !== 'active' || !discovery)
    return denied(`the server "${slug}" is ${status}: it takes no calls`);
  const { tools } = discovery;
  const tool = isAggregate ? findNamed(tools, slug, name) : tools.find((known) => known.name === name);
  if (!tool) return denied(`the server "${slug}" has no tool of that name`);
  const whose = tenantId === principal.tenantId ? 'its own' : 'shared with it';
  return { allowed: true, rule: `${may.rule}; the tenant sees the server, which is ${whose} and active` };
}

const noActor: Finding = {
  rule: 'no_actor',
  severity: 'info',
  message: 'this work has no actor: these are the permissions of somebody without a role',
  evidence: {},
  remedy: 'Sign in and ask again, or give a role.',
};
