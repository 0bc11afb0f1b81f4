import { z } from 'zod';
import { text } from './text.ts';

/** What this gateway says of a server, under this key of `_meta`. */
export const GATEWAY_META = 'mcp-registry-gateway/server';

/** Words to group servers by. */
export const tagsSchema = z
  .array(text().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z, 0-9 and -'), {
    error: 'must be an array',
  })
  .max(20, 'must be at most 20 tags');

/** What a `server.json` may say under that key. */
export const gatewayMetaSchema = z.looseObject({ tags: tagsSchema.optional() });

/** The tags that a `server.json` gives itself. */
export function tagsOf(server: { readonly _meta?: unknown }): string[] {
  const meta = z.looseObject({ [GATEWAY_META]: gatewayMetaSchema }).safeParse(server._meta);
  return meta.success ? (meta.data[GATEWAY_META].tags ?? []) : [];
}
