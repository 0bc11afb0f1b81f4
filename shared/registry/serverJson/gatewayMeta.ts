import * as z from 'zod';
import { text } from './text.ts';

/** The key of `_meta` for this gateway's own description of a server. */
export const GATEWAY_META = 'mcp-registry-gateway/server';

/** Words to group servers by. */
export const tagsSchema = z
  .array(text().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z, 0-9 and -'), {
    error: 'must be an array',
  })
  .max(20, 'must be at most 20 tags');

/** The content that a `server.json` may have under that key. */
export const gatewayMetaSchema = z.looseObject({ tags: tagsSchema.optional() });

/** Returns the tags in a `server.json`. */
export function tagsOf(server: { readonly _meta?: unknown }): string[] {
  const meta = z.looseObject({ [GATEWAY_META]: gatewayMetaSchema }).safeParse(server._meta);
  return meta.success ? (meta.data[GATEWAY_META].tags ?? []) : [];
}
