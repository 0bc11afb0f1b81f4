import * as z from 'zod';
import { MAX_URL_LENGTH } from '../limits.ts';
import { refuseSecrets } from '../secrets/literalSecrets.ts';
import { tagsOf, tagsSchema } from '../serverJson/gatewayMeta.ts';
import { submittedServerJsonSchema } from '../serverJson/serverJson.ts';
import { eraSchema } from './era.ts';
import { remoteOf, withFixedHeaders } from './remotes.ts';
import { type UpstreamSettings, upstreamSettingsSchema } from './upstreamSettings.ts';

/**
 * `pending` until the registration's plan has ended, then `active` or `rejected`, with the reason. An administrator makes an active
 * server `disabled`: it takes no calls and is not published until it is enabled.
 */
export const serverStatusSchema = z.enum(['pending', 'active', 'rejected', 'disabled']);

/** The tenants that see and use a server: its own, or every tenant of the gateway. */
export const visibilitySchema = z.enum(['tenant', 'shared']);

/** Where the published entry of a server with a `server.json` leads clients: to the gateway, or to the remotes of that document. */
export const advertiseSchema = z.enum(['gateway', 'direct']);

/** An item of a list, as its server describes it: unknown fields and the order of the fields stay. `key` names it. */
const itemSchema = <Key extends string>(key: Key) =>
  z
    .custom<Readonly<Record<string, unknown>> & Readonly<Record<Key, string>>>(
      (item) => typeof item === 'object' && item !== null && typeof Reflect.get(item, key) === 'string',
      `must be an object with the text "${key}"`,
    )
    .meta({ type: 'object' });

const toolSchema = itemSchema('name');
export type Tool = z.infer<typeof toolSchema>;

/** Something that a server offers and the gateway does not: an item, a field of an item, or the rest of a list. */
const leftOutSchema = z.object({
  list: z.enum(['tools', 'prompts', 'resources', 'resourceTemplates']),
  /** The name or URI of the item, or its position in the list when it has none. Absent: the rest of the list. */
  item: z.string().optional(),
  field: z.string().optional(),
  reason: z.string(),
});
export type LeftOut = z.infer<typeof leftOutSchema>;

/** The result of a probe of the server. */
export const discoverySchema = z.object({
  era: eraSchema,
  protocolVersion: z.string(),
  /** Present where the server speaks only the HTTP+SSE transport of 2024-11-05. */
  transport: z.literal('sse').optional(),
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }),
  capabilities: z.record(z.string(), z.unknown()),
  instructions: z.string().optional(),
  tools: z.array(toolSchema),
  /** Absent: the server has none, did not list them, or has more than the record has room for. */
  prompts: z.array(itemSchema('name')).optional(),
  resources: z.array(itemSchema('uri')).optional(),
  resourceTemplates: z.array(itemSchema('uriTemplate')).optional(),
  /** Tools that the server lists only to clients with these features. Absent: every client sees the same tools. */
  needs: z.array(z.object({ tool: z.string(), features: z.array(z.string()) })).optional(),
  /** What the gateway leaves out, and why; absent when it leaves out nothing. */
  leftOut: z.array(leftOutSchema).optional(),
  /** Present while the server lists nothing, because the user whom the lists are for has no account there. */
  awaitsAccount: z.literal(true).optional(),
  discoveredAt: z.iso.datetime(),
});
export type Discovery = z.infer<typeof discoverySchema>;

/** The slug of the gateway's built-in tools, beside the slugs of the servers. */
export const OWN_SLUG = 'gateway';

/** Paths of the API beside the servers, and the slug of the built-in tools. */
const reservedSlugs = new Set(['bulk', 'export', 'import', OWN_SLUG]);

/** A part of URL paths and tool names. It has no `_`, so that `{slug}__{tool}` can be split. */
export const slugSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    'must be 1 to 40 of a-z, 0-9 and -, with no - at either end',
  )
  .refine((slug) => !reservedSlugs.has(slug), 'is reserved by the gateway');

/** The description of a server by an administrator. */
export interface ServerContent {
  readonly url: string;
  /** Set by the gateway if the URL holds a secret, which `url` then hides. */
  readonly sealedUrl?: string | undefined;
  readonly server?: Record<string, unknown> | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: string[] | undefined;
  readonly owner?: string | undefined;
  readonly visibility?: z.infer<typeof visibilitySchema> | undefined;
  readonly advertise?: z.infer<typeof advertiseSchema> | undefined;
  readonly upstream?: UpstreamSettings | undefined;
}
export interface Registration extends ServerContent {
  readonly slug: string;
  /** Whether the server is disabled when its registration ends. */
  readonly disabled?: boolean | undefined;
}

const contentShape = {
  url: z
    .string()
    .max(MAX_URL_LENGTH)
    // A URL parser drops tabs and line breaks. They could hide the name of a parameter that holds a secret.
    .regex(/^\P{Cc}*$/u, 'must have no tabs, line breaks or other control characters')
    .optional(),
  server: submittedServerJsonSchema.optional(),
  title: z.string().trim().min(1).max(100).superRefine(refuseSecrets).optional(),
  description: z.string().trim().max(2048).superRefine(refuseSecrets).optional(),
  tags: tagsSchema.optional(),
  /** The contact for the server: a person, a team, an address. */
  owner: z.string().trim().min(1).max(200).superRefine(refuseSecrets).optional(),
  /** `tenant` when absent. */
  visibility: visibilitySchema.optional(),
  /** For a server with a `server.json`; `gateway` when absent. */
  advertise: advertiseSchema.optional(),
  upstream: upstreamSettingsSchema.optional(),
};

/** Reads the URL from `url` or from the `server.json`. The outbound guard checks the address later. */
function contentOf(
  { url, server, ...rest }: z.infer<z.ZodObject<typeof contentShape>>,
  context: z.RefinementCtx,
): ServerContent {
  const wrong = (path: string[], message: string) => {
    context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  };
  if ((url === undefined) === (server === undefined)) return wrong(['url'], 'give either url or server');
  const remote = server && remoteOf(server);
  const called = url ?? remote?.url;
  if (called === undefined)
    return wrong(['server', 'remotes'], 'has none of the type streamable-http or sse');
  if (rest.advertise !== undefined && server === undefined)
    return wrong(['advertise'], 'is for servers with a server.json: others lead to the gateway anyway');
  const {
    title = server?.title,
    description = server?.description,
    tags = server && tagsOf(server),
    ...others
  } = rest;
  const upstream = remote ? withFixedHeaders(rest.upstream, remote) : rest.upstream;
  return { url: called, server, title, description, tags, ...others, ...(upstream && { upstream }) };
}

export const registrationSchema = z
  .strictObject({ slug: slugSchema, disabled: z.boolean().optional(), ...contentShape })
  .transform(({ slug, disabled, ...content }, context): Registration => ({
    slug,
    ...(disabled !== undefined && { disabled }),
    ...contentOf(content, context),
  }));

/** A new description, which replaces the whole earlier one. */
export const serverContentSchema = z.strictObject(contentShape).transform(contentOf);

/** A server of one tenant. Its slug never changes. */
export const serverRecordSchema = z.object({
  tenantId: z.string(),
  slug: slugSchema,
  /** With a marker in place of each secret. */
  url: z.string(),
  /** The whole URL, sealed; absent if it holds no secret. */
  sealedUrl: z.string().optional(),
  title: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  owner: z.string(),
  /** The `server.json` that it was registered with; absent for a registration by URL. */
  server: z.record(z.string(), z.unknown()).optional(),
  /** Absent: `tenant`. */
  visibility: visibilitySchema.optional(),
  /** Absent: `gateway`. Earlier versions stored `server` for `direct`. */
  advertise: z.preprocess((said) => (said === 'server' ? 'direct' : said), advertiseSchema.optional()),
  upstream: upstreamSettingsSchema.optional(),
  status: serverStatusSchema,
  statusReason: z.string().optional(),
  statusChangedAt: z.iso.datetime(),
  /** The plan that decides the status. A late result of an earlier registration is ignored. */
  planId: z.string(),
  discovery: discoverySchema.optional(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type ServerRecord = z.infer<typeof serverRecordSchema>;

/** Returns why a server has its status, or why an active server has no tools yet; `undefined` where there is nothing to say. */
export const statusReasonOf = ({ statusReason, discovery }: ServerRecord): string | undefined =>
  statusReason ??
  (discovery?.awaitsAccount === true
    ? 'Its tools are listed after a user has connected an account at the server and used it: GET /connections has the link.'
    : undefined);
