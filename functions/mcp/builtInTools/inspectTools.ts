import * as z from 'zod';
import { healthReportSchema } from '../../../shared/health/healthReport.ts';
import { systemReportSchema } from '../../../shared/health/systemReport.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import {
  type BuiltInTool,
  defineBuiltInTool,
  pageCursor,
  pageLimit,
  readOnly,
  waitSeconds,
} from './builtInTool.ts';
import type { RouteCall } from './routeCalls.ts';

const listedSchema = z.object({ items: z.array(z.looseObject({ id: z.string() })) });

const recordSchema = z.object({
  id: z.string(),
  at: z.string(),
  actor: z.string().describe('Object id of the user or app.'),
  actorName: z.string().optional(),
  action: z.string(),
  resource: z.string(),
  resourceName: z.string().optional(),
  decision: z.enum(['allowed', 'refused']),
  outcome: z.string(),
  reason: z.string().optional().describe('Why a sign-in was refused.'),
  durationMs: z.number(),
  traceId: z.string(),
  ownCheck: z.literal(true).optional().describe('The gateway checked itself: it counts for nobody.'),
});

/** How the system is, and who did what. */
export function inspectTools(route: (name: string) => RouteCall): readonly BuiltInTool[] {
  const health = route('health-components');
  const begin = route('reports-create');
  const list = route('reports-list');
  const report = route('reports-get');
  const audit = route('audit-list');
  return [
    defineBuiltInTool({
      name: 'get_health',
      title: 'Look at the health',
      description:
        'Says how the parts of the gateway are (storage, Redis, both apps, sign-in), what is wrong with those that are not well, and what to do.',
      permission: health.permission,
      annotations: readOnly,
      input: z.strictObject({
        anew: z.boolean().default(false).describe('Check again, even if a recent result exists.'),
      }),
      output: healthReportSchema,
      run: ({ anew }, call) => health.ask(call, { query: { wait: anew ? 20 : undefined } }),
    }),
    defineBuiltInTool({
      name: 'get_report',
      title: 'Read a report',
      description:
        'Gives the report of all specialist agents about the whole system, with recommendations, the worst first: the latest, one by its id, or a new one.',
      permission: report.permission,
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: false,
        openWorldHint: false,
      },
      input: z.strictObject({
        id: z.string().max(200).optional().describe('The latest when absent.'),
        new: z.boolean().default(false).describe('Let a new report be made; then give no id.'),
        waitSeconds,
      }),
      output: systemReportSchema,
      async run({ id, new: isNew, waitSeconds: wait }, call) {
        if (isNew) return begin.ask(call, { body: {}, query: { wait } });
        if (id !== undefined) return report.ask(call, { params: { id }, query: { wait } });
        const found = await list.ask(call, { query: { limit: 1 } });
        if (!found.ok) return found;
        const [latest] = listedSchema.parse(found.value).items;
        if (latest) return report.ask(call, { params: { id: latest.id }, query: { wait } });
        return fail({ kind: 'not_found', message: 'there is no report yet: ask with "new": true' });
      },
    }),
    defineBuiltInTool({
      name: 'search_audit',
      title: 'Search the audit trail',
      description:
        'Finds records of who did what to what, whether they might and what came of it, the newest first.',
      permission: audit.permission,
      annotations: readOnly,
      input: z.strictObject({
        actor: z.string().max(200).optional().describe('Object id of a user or app.'),
        action: z.string().max(200).optional().describe('In words of the API: servers.delete, tools/call.'),
        resource: z.string().max(200).optional().describe('As servers/inventory.'),
        decision: z.enum(['allowed', 'refused']).optional(),
        outcome: z.string().max(50).optional().describe('As succeeded, forbidden, tool_error.'),
        from: z.iso.datetime({ offset: true }).optional(),
        to: z.iso.datetime({ offset: true }).optional(),
        limit: pageLimit,
        cursor: pageCursor,
      }),
      output: z.object({ items: z.array(recordSchema), nextCursor: z.string().optional() }),
      run: (query, call) => audit.ask(call, { query }),
    }),
  ];
}
