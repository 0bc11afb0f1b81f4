import * as z from 'zod';
import { serverStatusSchema, visibilitySchema } from '../../../shared/registry/records/server.ts';
import {
  type BuiltInTool,
  defineBuiltInTool,
  idempotencyKey,
  pageCursor,
  pageLimit,
  readOnly,
  waitSeconds,
} from './builtInTool.ts';
import type { RouteCall } from './routeCalls.ts';

const serverSchema = z.object({
  slug: z.string().describe('Its tools are named {slug}__{tool}.'),
  title: z.string(),
  description: z.string(),
  url: z.string().optional().describe('Of servers of your own tenant, as the owner.'),
  tags: z.array(z.string()),
  owner: z.string().optional(),
  visibility: visibilitySchema.describe('shared: every tenant of the gateway may use it.'),
  status: serverStatusSchema,
  statusReason: z.string().optional(),
  era: z.string().optional(),
  toolCount: z.int().optional(),
  health: z.object({ status: z.string(), checkedAt: z.string() }).optional(),
});

/** What is registered, and registering. */
export function serverTools(route: (name: string) => RouteCall): readonly BuiltInTool[] {
  const list = route('servers-list');
  const register = route('servers-register');
  return [
    defineBuiltInTool({
      name: 'list_servers',
      title: 'List servers',
      description:
        'Lists the MCP servers that are registered with this gateway: what each is for, whether it takes calls, and how many tools it offers.',
      permission: list.permission,
      annotations: readOnly,
      input: z.strictObject({
        status: serverStatusSchema.optional().describe('Only servers that stand so.'),
        tag: z.string().max(40).optional().describe('Only servers with this tag.'),
        search: z
          .string()
          .max(200)
          .optional()
          .describe('Only servers with this text in their name or description.'),
        limit: pageLimit,
        cursor: pageCursor,
      }),
      output: z.object({ items: z.array(serverSchema), nextCursor: z.string().optional() }),
      run: (query, call) => list.ask(call, { query }),
    }),
    defineBuiltInTool({
      name: 'register_server',
      title: 'Register a server',
      description:
        'Registers an MCP server by the URL of its endpoint. The gateway connects to it first; a server that cannot be used is rejected, with the reason.',
      permission: register.permission,
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: false,
        openWorldHint: true,
      },
      input: z.strictObject({
        slug: z.string().max(40).describe('Its short name here: small letters, digits and -.'),
        url: z.string().max(2048).describe('The URL of its MCP endpoint.'),
        title: z.string().max(100).optional(),
        description: z.string().max(2048).optional().describe('What it is for.'),
        tags: z.array(z.string()).max(20).optional(),
        owner: z.string().max(200).optional().describe('Who answers for it: a person, a team, an address.'),
        waitSeconds,
        idempotencyKey,
      }),
      output: z.object({
        slug: z.string(),
        status: serverStatusSchema.describe('pending while it is being validated.'),
        statusReason: z.string().optional(),
        phasesCompleted: z.array(z.string()).optional(),
        plan: z.object({ id: z.string(), href: z.string() }),
      }),
      run: ({ waitSeconds: wait, idempotencyKey: key, ...body }, call) =>
        register.ask(call, { body, query: { wait }, idempotencyKey: key }),
    }),
  ];
}
