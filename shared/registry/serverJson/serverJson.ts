import * as z from 'zod';
import { isLongerThan, MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { MAX_DESCRIPTION_LENGTH, MAX_PUBLISHER_META_LENGTH, MAX_SERVER_JSON_LENGTH } from '../limits.ts';
import { refuseSecrets } from '../secrets/literalSecrets.ts';
import { GATEWAY_META, gatewayMetaSchema } from './gatewayMeta.ts';
import { packageSchema } from './packages.ts';
import { listOf, specificVersion, text, webUrl } from './text.ts';
import { remoteSchema } from './transports.ts';

/** The key of `_meta` under which a registry describes an entry. No publisher may set it. */
export const OFFICIAL_META = 'io.modelcontextprotocol.registry/official';
const PUBLISHER_META = 'io.modelcontextprotocol.registry/publisher-provided';

const TOO_LONG = `is longer than ${MAX_SERVER_JSON_LENGTH} characters of JSON`;

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

/** Publishers and the official registry write an object without content for no repository. */
const isBlank = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((text) => text === '');

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
    description: text().min(1).max(MAX_DESCRIPTION_LENGTH),
    title: text().min(1).max(100).optional(),
    version: specificVersion,
    websiteUrl: webUrl().optional(),
    icons: listOf(iconSchema).optional(),
    repository: z.preprocess((given) => (isBlank(given) ? undefined : given), repositorySchema.optional()),
    packages: listOf(packageSchema).optional(),
    remotes: listOf(remoteSchema).optional(),
    status: z.undefined({ error: 'is set by the registry alone' }).optional(),
    isLatest: z.undefined({ error: 'is set by the registry alone' }).optional(),
    _meta: metaSchema.optional(),
  })
  // Counted again, because JSON escapes lengthen the text.
  .refine((server) => JSON.stringify(server).length <= MAX_SERVER_JSON_LENGTH, { error: TOO_LONG });

/**
 * A `server.json` of the schema of 2025-12-11; fields that the schema does not know are kept. Every problem has its path. The
 * addresses in it are not checked here.
 */
export const serverJsonSchema = z
  .unknown()
  .superRefine((value, context) => {
    // Bounded before it is parsed: zod runs all checks of a string, also after one found it too long.
    const problem =
      unsafeShape(value, MESSAGE_BOUNDS) ??
      (isLongerThan(value, MAX_SERVER_JSON_LENGTH) ? TOO_LONG : undefined);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, continue: false });
  })
  .pipe(documentSchema);

export type ServerJson = z.infer<typeof serverJsonSchema>;

/** A `server.json` from a caller. Everybody may read it, so it may not hold a literal secret. */
export const submittedServerJsonSchema = serverJsonSchema.superRefine(refuseSecrets);
