import { z } from 'zod';
import { invalid, invalidBySchema } from '../../platform/base/invalid.ts';
import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/jsonShape.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { GATEWAY_META } from '../serverJson/gatewayMeta.ts';
import { OFFICIAL_META, type ServerJson, serverJsonSchema } from '../serverJson/serverJson.ts';
import { type VersionStatus, versionStatuses } from '../versions/publishedVersion.ts';

/** A version as another registry publishes it. Times that it does not give are absent. */
export interface UpstreamEntry {
  readonly server: ServerJson;
  readonly status: VersionStatus;
  readonly statusMessage?: string | undefined;
  readonly statusChangedAt?: string | undefined;
  readonly publishedAt?: string | undefined;
  readonly updatedAt?: string | undefined;
}

/** In our own spelling, whose text order is time order. An offset may take it out of the years that we can write. */
const moment = z.iso
  .datetime({ offset: true })
  .transform((time) => new Date(time).toISOString())
  .pipe(z.iso.datetime());

/** Unlike a status, a message or a time that is none must not hide what has become of a version. */
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

/** A ServerResponse of the official API. Failure: `invalid`. */
export function readUpstreamEntry(value: unknown): Result<UpstreamEntry> {
  const unsafe = unsafeShape(value, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return invalid('entry', unsafe);
  const parsed = entrySchema.safeParse(withoutOurs(value));
  if (!parsed.success) return invalidBySchema(parsed.error, 'the entry');
  const { server, _meta } = parsed.data;
  return succeed({ server, ...(_meta?.[OFFICIAL_META] ?? { status: 'active' as const }) });
}

const documentSchema = z.looseObject({ server: z.looseObject({ _meta: z.looseObject({}) }) });

/** What is ours to say, such as the tags that open a server to some readers, no other registry says. */
function withoutOurs(value: unknown): unknown {
  const found = documentSchema.safeParse(value);
  if (!found.success) return value;
  const { [GATEWAY_META]: _, ...meta } = found.data.server._meta;
  return { ...found.data, server: { ...found.data.server, _meta: meta } };
}
