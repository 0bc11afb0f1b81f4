import type { Tool } from '../../registry/records/server.ts';
import { metaOf } from '../protocol/envelope.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';

/*
 * MCP Apps (io.modelcontextprotocol/ui): the `_meta` of a tool or of a result names the resource that holds the page of an app.
 * The key with a slash is of an earlier revision, and hosts read both.
 */
const OLD_KEY = 'ui/resourceUri';

/** Returns the URIs of the pages that a tool or a result names. */
export function appUris(holder: JsonObject): readonly string[] {
  const { ui, [OLD_KEY]: old } = metaOf(holder);
  return [isObject(ui) ? ui['resourceUri'] : undefined, old].filter((uri) => typeof uri === 'string');
}

/** Returns a tool or a result whose `_meta` names the pages by the URIs of an endpoint. */
export function renameApps<T extends JsonObject>(holder: T, rename: (uri: string) => string): T {
  if (holder['_meta'] === undefined || appUris(holder).length === 0) return holder;
  const meta = metaOf(holder);
  const { ui, [OLD_KEY]: old } = meta;
  return {
    ...holder,
    _meta: {
      ...meta,
      ...(isObject(ui) &&
        typeof ui['resourceUri'] === 'string' && { ui: { ...ui, resourceUri: rename(ui['resourceUri']) } }),
      ...(typeof old === 'string' && { [OLD_KEY]: rename(old) }),
    },
  };
}

/** Whether a server has tools with pages. The page of an app calls tools of its server, by the server's own names. */
export const hasApps = (tools: readonly Tool[]): boolean => tools.some((tool) => appUris(tool).length > 0);
