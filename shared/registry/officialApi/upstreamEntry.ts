import * as z from 'zod';
import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { invalid, invalidBySchema, type Result, succeed } from '../../platform/base/result.ts';
import { GATEWAY_META } from '../serverJson/gatewayMeta.ts';
import { OFFICIAL_META, type ServerJson, serverJsonSchema } from '../serverJson/serverJson.ts';
import { type VersionStatus, versionStatuses } from '../versions/publishedVersion.ts';

/** A version as another registry publishes it. Times that the registry does not give are absent. */
export interface UpstreamEntry {
  readonly server: ServerJson;
  readonly status: VersionStatus;
  readonly statusMessage?: string | undefined;
  readonly statusChangedAt?: string | undefined;
  readonly publishedAt?: string | undefined;
  readonly updatedAt?: string | undefined;
}

/** A time in UTC, so that text order is time order. Rejects years that ISO 8601 cannot write with four digits. */
const moment = z.iso
  .datetime({ offset: true })
  .transform((time) => new Date(time).toISOString())
  .pipe(z.iso.datetime());

/** An invalid message or time is ignored, so that it does not hide the status of a version. */
const officialSchema = z.object({
  status: z.enum(versionStatuses, { error: 'must be active, deprecated or deleted' }).default('active'),
  statusMessage: z.string().max(500).optional().catch(undefined),
  statusChangedAt: moment.optional().catch(undefined),
  publishedAt: moment.optional().catch(undefined),
  updatedAt: moment.optional().catch(undefined),
});

const entrySchema = z.object({
  server: serverJsonSchema,
  _meta: z.object({ [OFFICIAL_META]: officialSchema.optional() }).nullish(),
});

/** Reads a ServerResponse of the official API. Failure: `invalid`. */
export function readUpstreamEntry(value: unknown): Result<UpstreamEntry> {
  const unsafe = unsafeShape(value, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return invalid('entry', unsafe);
  const parsed = entrySchema.safeParse(withoutEmptyFields(withoutGatewayMeta(value)));
  if (!parsed.success) return invalidBySchema(parsed.error, 'the entry');
  const { server, _meta } = parsed.data;
  return succeed({ server, ...(_meta?.[OFFICIAL_META] ?? { status: 'active' as const }) });
}

const documentSchema = z.looseObject({ server: z.looseObject({ _meta: z.looseObject({}) }) });

/** Removes the gateway's own `_meta`: another registry must not set tags, which decide who reads a server. */
function withoutGatewayMeta(value: unknown): unknown {
  const found = documentSchema.safeParse(value);
  if (!found.success) return value;
  const { [GATEWAY_META]: _, ...meta } = found.data.server._meta;
  return { ...found.data, server: { ...found.data.server, _meta: meta } };
}

/** Optional fields of a `server.json` whose content other registries write as null or empty instead of leaving it out. */
const optionalFields = [
  '$schema',
  'title',
  'websiteUrl',
  'icons',
  'repository',
  'packages',
  'remotes',
  '_meta',
];
const serverSchema = z.looseObject({ server: z.looseObject({}) });

/** Removes empty values of optional fields, and a repository without its URL or source. They mean the same as no field. */
function withoutEmptyFields(value: unknown): unknown {
  const found = serverSchema.safeParse(value);
  if (!found.success) return value;
  const fields = Object.entries(found.data.server).map(([name, field]) => {
    const isMeta = name === '_meta' && field !== null;
    return [name, optionalFields.includes(name) && !isMeta ? withoutNulls(field) : field] as const;
  });
  return {
    ...found.data,
    server: Object.fromEntries(fields.filter(([name, field]) => !isEmpty(name, field))),
  };
}

function isEmpty(name: string, field: unknown): boolean {
  if (!optionalFields.includes(name)) return false;
  if (field === null || field === '') return true;
  const repository = name === 'repository' ? repositorySchema.safeParse(field) : undefined;
  return repository?.success === true && [repository.data.url, repository.data.source].some((text) => !text);
}

const repositorySchema = z.object({ url: z.string().optional(), source: z.string().optional() });

/** Returns the value without fields that are null. The depth is bounded before. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]));
}
