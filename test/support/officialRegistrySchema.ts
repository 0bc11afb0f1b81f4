import { z } from 'zod';

/**
 * The answers of the official registry API, written down from its own description (`docs/reference/api/openapi.yaml`,
 * version 2025-12-01) and apart from the code that makes them: every answer of a test is held against it.
 */
const serverDetail = z.looseObject({
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  description: z.string().min(1).max(100),
  version: z.string().min(1).max(255),
  title: z.string().min(1).max(100).optional(),
});

const serverResponse = z.strictObject({
  server: serverDetail,
  _meta: z.looseObject({
    'io.modelcontextprotocol.registry/official': z.strictObject({
      status: z.enum(['active', 'deprecated', 'deleted']),
      statusMessage: z.string().max(500).optional(),
      statusChangedAt: z.iso.datetime(),
      publishedAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      isLatest: z.boolean(),
    }),
  }),
});

const serverList = z.strictObject({
  servers: z.array(serverResponse),
  metadata: z.strictObject({ nextCursor: z.string().min(1).optional(), count: z.int().min(0) }),
});

const allVersionsStatus = z.strictObject({
  updatedCount: z.int().min(0),
  servers: z.array(serverResponse),
});

/** The API's own `error`, and a problem document (RFC 9457) beside it. */
const errorBody = z.looseObject({
  error: z.string().min(3),
  title: z.string().min(3),
  status: z.int(),
  detail: z.string().min(3),
  errors: z.array(z.strictObject({ path: z.string(), message: z.string().min(3) })).optional(),
});

/** The schema of an answer to this call, or undefined where the path is none of the API's. */
function schemaFor(method: string, path: string, status: number): z.ZodType | undefined {
  const [, below] = /^(?:\/r\/[^/]+(?=\/v0(?:\.1)?\/servers))?\/v0(?:\.1)?\/(.*)$/.exec(path) ?? [];
  if (below === undefined) return undefined;
  if (status >= 400) return errorBody;
  if (/^servers\/?$/.test(below) || /\/versions\/?$/.test(below)) return serverList;
  return method === 'PATCH' && !below.includes('/versions/') ? allVersionsStatus : serverResponse;
}

/** @throws when an answer is not what the API's description says. */
export function checkOfficialAnswer(
  method: string,
  url: string,
  { status, headers, body }: { readonly status: number; readonly headers: Headers; readonly body: unknown },
): void {
  const schema = schemaFor(method, new URL(url, 'http://any').pathname, status);
  if (!schema || method === 'OPTIONS') return;
  const wanted = status >= 400 ? 'application/problem+json' : 'application/json';
  if (headers.get('content-type') !== wanted)
    throw new Error(`${method} ${url}: ${String(headers.get('content-type'))}`);
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new Error(`${method} ${url} ${status}: ${z.prettifyError(parsed.error)}`);
  const { success, data } = z
    .object({ servers: z.array(z.unknown()), metadata: z.object({ count: z.int() }) })
    .safeParse(body);
  if (success && data.servers.length !== data.metadata.count) throw new Error(`${url}: the count is wrong`);
  if (status >= 400 && (body as { status: number }).status !== status)
    throw new Error(`${url}: the status differs`);
}
