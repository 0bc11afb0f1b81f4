import { z } from 'zod';
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
  const parsed = entrySchema.safeParse(withoutGatewayMeta(value));
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
