import * as z from 'zod';
import { findNamed, slugIn } from '../../gateway/catalogue/names.ts';
import { type Actor, roles } from '../../identity/access/actor.ts';
import {
  isOfOperatorTenant,
  isPermitted,
  type Permission,
  permissionNames,
  rolesWith,
} from '../../identity/access/permissions.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, reportSchema } from '../finding.ts';
import { actorWith } from './accessRules.ts';

const inputSchema = z.strictObject({
  role: z.enum(roles).optional().describe("The role to evaluate; the caller's own roles when absent."),
  server: slugSchema.optional().describe('The server of the tool.'),
  tool: z
    .string()
    .max(200)
    .optional()
    .describe('A tool: by its own name if `server` is given, otherwise as `{server}__{tool}`.'),
});

const decisionSchema = z.object({
  allowed: z.boolean(),
  rule: z.string().describe('The rule that decided it.'),
});
const outputSchema = reportSchema.extend({
  roles: z.array(z.enum(roles)),
  permissions: z.array(decisionSchema.extend({ permission: z.string() })),
  tool: decisionSchema.extend({ server: z.string(), tool: z.string() }).optional(),
});

const finding = defineFindings({
  no_actor: () => ({
    severity: 'info',
    message: 'this work has no actor: the result shows the permissions of a caller without a role',
    remedy: 'Sign in and run the task again, or name a role.',
  }),
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
      'Reports for the caller, or for a role, which permissions it has and which not, with the rule that decided; and for a tool, whether it exists and whether the caller or role may call it.',
    timeoutMs: 15_000,
    input: inputSchema,
    output: outputSchema,
    async run({ role, server, tool }, { tenantId, actor }) {
      const granted = role === undefined ? [...(actor?.roles ?? [])] : [role];
      const subject = actorWith(granted, tenantId);
      const permissions = permissionNames.map((permission) => ({
        permission,
        ...decide(subject, permission, operatorTenant),
      }));
      const asked = tool !== undefined || server !== undefined;
      const named = { server: server ?? slugIn(tool ?? '') ?? '', tool: tool ?? '' };
      const access = asked
        ? await toolAccess(named, server === undefined, subject, visibleServers)
        : undefined;
      const findings = role === undefined && !actor ? [finding('no_actor', {})] : [];
      const allowed = permissions.filter((permission) => permission.allowed).length;
      const who = role ?? (actor ? 'the caller' : 'a caller without a role');
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

function decide(actor: Actor, permission: Permission, operatorTenant?: string): Decision {
  const allowed = isPermitted(actor, permission, operatorTenant);
  const where = isOfOperatorTenant(permission) ? ' of the tenant of the operator' : '';
  const having = `${rolesWith(permission).join(', ')}${where}`;
  const own = actor.roles.length === 0 ? 'no role' : actor.roles.join(', ');
  return { allowed, rule: `${permission} is given to ${having}; this is ${own}` };
}

/** Checks the permission to call tools, then finds the tool as the gateway would. Calls nothing. */
async function toolAccess(
  { server: slug, tool: name }: { readonly server: string; readonly tool: string },
  isAggregate: boolean,
  actor: Actor,
  servers: VisibleServers,
): Promise<Decision> {
  const may = decide(actor, 'mcp.use');
  if (!may.allowed) return may;
  const denied = (rule: string): Decision => ({ allowed: false, rule });
  const found = slugSchema.safeParse(slug).success ? await servers.find(actor.tenantId, slug) : undefined;
  if (!found) return denied(`the tenant sees no server "${slug}"`);
  const { status, discovery, tenantId } = found.value;
  if (status !== 'active' || !discovery)
    return denied(`the server "${slug}" is ${status}, so it takes no calls`);
  const { tools } = discovery;
  const tool = isAggregate ? findNamed(tools, slug, name) : tools.find((known) => known.name === name);
  if (!tool) return denied(`the server "${slug}" has no tool of that name`);
  const whose = tenantId === actor.tenantId ? 'its own' : 'shared with it';
  return { allowed: true, rule: `${may.rule}; the tenant sees the server, which is ${whose} and active` };
}
