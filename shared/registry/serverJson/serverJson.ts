import { z } from 'zod';
import { MESSAGE_BOUNDS, isLongerThan, unsafeShape } from '../../platform/base/jsonShape.ts';
import { GATEWAY_META, gatewayMetaSchema } from './gatewayMeta.ts';
import { packageSchema } from './packages.ts';
import { specificVersion } from './specificVersion.ts';
import { listOf, text, webUrl } from './text.ts';
import { remoteSchema } from './transports.ts';

/** What a registry says of an entry, under this key of `_meta`. No publisher may say it. */
export const OFFICIAL_META = 'io.modelcontextprotocol.registry/official';
const PUBLISHER_META = 'io.modelcontextprotocol.registry/publisher-provided';

/** A row has this much room for it beside what a probe found. */
const MAX_LENGTH = 32_000;
const TOO_LONG = `is longer than ${MAX_LENGTH} characters of JSON`;
/** The official registry's limit for what a publisher adds. */
const MAX_PUBLISHER_META_LENGTH = 4_096;

/** Reverse DNS, one slash, a name: `com.example/inventory`. */
export const serverNameSchema = text()
  .min(3)
  .max(200)
  .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'must be a reverse DNS name and a server name, with one slash');

const iconSchema = z.looseObject({
  src: webUrl(['https']).refine((url) => url.length <= 255, 'must be at most 255 characters'),
  mimeType: z
    .enum(['image/png', 'image/jpeg', 'image/jpg', 'image/svg+xml', 'image/webp'], {
      error: 'must be image/png, image/jpeg, image/jpg, image/svg+xml or image/webp',
    })
    .optional(),
  sizes: listOf(text().regex(/^(\d+x\d+|any)$/, 'must be such as 48x48, or any')).optional(),
  theme: z.enum(['light', 'dark'], { error: 'must be light or dark' }).optional(),
});

const repositorySchema = z.looseObject({
  url: webUrl(),
  source: text().min(1),
  id: text().optional(),
  subfolder: text()
    .regex(
      /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/,
      'must be a clean relative path, such as src/everything',
    )
    .optional(),
});

const metaSchema = z.looseObject({
  [PUBLISHER_META]: z
    .record(z.string(), z.unknown(), { error: 'must be an object' })
    .refine(
      (value) => JSON.stringify(value).length <= MAX_PUBLISHER_META_LENGTH,
      `is longer than ${MAX_PUBLISHER_META_LENGTH} characters of JSON`,
    )
    .optional(),
  [GATEWAY_META]: gatewayMetaSchema.optional(),
  [OFFICIAL_META]: z.undefined({ error: 'is set by the registry alone' }).optional(),
});

const documentSchema = z
  .looseObject({
    $schema: webUrl().optional(),
    name: serverNameSchema,
    description: text().min(1).max(100),
    title: text().min(1).max(100).optional(),
    version: specificVersion,
    websiteUrl: webUrl().optional(),
    icons: listOf(iconSchema).optional(),
    repository: repositorySchema.optional(),
    packages: listOf(packageSchema).optional(),
    remotes: listOf(remoteSchema).optional(),
    status: z.undefined({ error: 'is set by the registry alone' }).optional(),
    isLatest: z.undefined({ error: 'is set by the registry alone' }).optional(),
    _meta: metaSchema.optional(),
  })
  // Counted again with what JSON escapes.
  .refine((server) => JSON.stringify(server).length <= MAX_LENGTH, { error: TOO_LONG });

/**
 * A `server.json` of the schema of 2025-12-11, with every field that the schema does not know. Every problem is named by
 * its path. What its addresses point to is not judged here.
 */
export const serverJsonSchema = z
  .unknown()
  .superRefine((value, context) => {
    // Bounded before it is parsed: the checks of a string run although another has found it too long.
    const problem =
      unsafeShape(value, MESSAGE_BOUNDS) ?? (isLongerThan(value, MAX_LENGTH) ? TOO_LONG : undefined);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, continue: false });
  })
  .pipe(documentSchema);

export type ServerJson = z.infer<typeof serverJsonSchema>;
