import * as z from 'zod';
import { tenantHint } from '../../shared/identity/access/tenants.ts';
import { MAX_BULK_SERVERS } from '../../shared/orchestration/model/limits.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import { parseDocument, parseDocumentText } from '../../shared/registry/import/documentText.ts';
import { exportFormats, exportServers } from '../../shared/registry/import/exportServers.ts';
import { fetchImport } from '../../shared/registry/import/fetchImport.ts';
import { type Import, readImport } from '../../shared/registry/import/readImport.ts';
import type { ServerRecord } from '../../shared/registry/records/server.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { registerAll } from './bulkServers.ts';
import { readQuery } from './paging.ts';
import { privileged } from './privileged.ts';
import { waitParameter } from './wait.ts';

const requestSchema = z
  .strictObject({ url: z.string().max(2048).optional(), document: z.unknown().optional() })
  .refine(({ url, document }) => (url === undefined) !== (document === undefined), {
    error: 'give either url or document',
  })
  .transform(({ url, document }) => (url === undefined ? { document: parsedText(document) } : { url }));

/** A request with one of the two fields, or the document itself. */
const importSchema = z.unknown().transform((body, context): ImportRequest => {
  if (!isRequest(body)) return { document: body };
  const request = requestSchema.safeParse(body);
  if (request.success) return request.data;
  for (const issue of request.error.issues)
    context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
  return z.NEVER;
});
type ImportRequest = { readonly url: string } | { readonly document: unknown };

const isRequest = (body: unknown): boolean =>
  typeof body === 'object' &&
  body !== null &&
  ('document' in body || ('url' in body && typeof body.url === 'string') || Object.keys(body).length === 0);

/** A document may be sent as its text, with its comments, or in TOML. */
const parsedText = (document: unknown): unknown =>
  typeof document === 'string' ? (parseDocumentText(document) ?? document) : document;

const formatSchema = z.object({ format: z.enum(exportFormats).optional() });
const PAGE = 100;

/** Routes that import and export servers in the formats of other programs. */
export function importRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const bring: Route<ImportRequest> = {
    name: 'servers-import',
    method: 'POST',
    path: 'servers/import',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    body: importSchema,
    parseBytes: parseDocument,
    async handle(call): Promise<Result<Answer>> {
      const { body } = call;
      const read = await ('url' in body ? fetchImport(body.url, deps) : readImport(body.document));
      if (!read.ok) return read;
      const { registrations, skipped } = read.value;
      if (registrations.length > MAX_BULK_SERVERS) {
        const message = `it holds ${registrations.length} servers, and at most ${MAX_BULK_SERVERS} are imported at once`;
        return fail({ kind: 'too_large', message });
      }
      return registerAll(call, registrations, skippedOf(skipped), deps);
    },
  };

  const take: Route = {
    name: 'servers-export',
    method: 'GET',
    path: 'servers/export',
    permission: 'servers.read',
    query: Object.keys(formatSchema.shape),
    async handle({ actor, query }): Promise<Result<Answer>> {
      const read = readQuery(query, formatSchema);
      if (!read.ok) return read;
      const records: ServerRecord[] = [];
      for (let after: string | undefined; ;) {
        const page = await deps.visibleServers.list(actor.tenantId, { status: 'active' }, PAGE, after);
        records.push(...page.items);
        if (page.after === undefined) break;
        after = page.after;
      }
      const hint = tenantHint(deps.config, actor.tenantId);
      const body = exportServers(records, deps.publicOrigin, read.value.format, hint);
      return succeed({ status: 200, body });
    },
  };

  return [privileged(bring, 'servers.import', () => 'servers', deps.audit), take];
}

const skippedOf = (skipped: Import['skipped']) =>
  skipped.map(({ name, reason }) => ({ name, status: 'refused' as const, reason }));
