import type { Actor } from '../../identity/access/actor.ts';
import { fail } from '../../platform/base/result.ts';
import { OWN_SLUG, type Tool } from '../../registry/records/server.ts';
import type { ClientEra } from '../protocol/clientEra.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import type { BuiltInTools } from './builtInTools.ts';
import { aggregateName } from './names.ts';
import { nameless, NO_SUCH_METHOD, type View } from './view.ts';

const prefix = aggregateName({ slug: OWN_SLUG, name: 'x' }).slice(0, -1);

/** Cached lists with built-in tools, by the list without them and by the caller's built-in tools. */
const merged = new WeakMap<readonly JsonObject[], WeakMap<readonly Tool[], readonly JsonObject[]>>();

/** Returns a list of tools with the built-in tools of a caller. */
export function withBuiltInTools(
  list: readonly JsonObject[],
  own: readonly Tool[],
  client: ClientEra,
): readonly JsonObject[] {
  const known = merged.get(list)?.get(own);
  if (known) return known;
  const shown = own.map((tool) => client.showTool({ ...tool, name: prefix + tool.name }));
  const made = [...list, ...shown].sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
  const byRoles = merged.get(list) ?? new WeakMap<readonly Tool[], readonly JsonObject[]>();
  merged.set(list, byRoles.set(own, made));
  return made;
}

/** Returns the built-in tool's own name; `undefined` for the name of another tool on the aggregate endpoint. */
export const builtInToolIn = (name: string): string | undefined =>
  name.startsWith(prefix) ? name.slice(prefix.length) : undefined;

/** The built-in tools alone, by their own names: those that this caller may use. */
export function builtInToolsView(builtInTools: BuiltInTools, actor: Actor): View {
  const view: View = {
    endpoint: `servers/${OWN_SLUG}`,
    profile: () => Promise.resolve({ capabilities: { tools: {} }, instructions: INSTRUCTIONS }),
    list: async (kind, { client }) =>
      kind === 'tools' ? (await builtInTools.list(actor)).map((tool) => client.showTool(tool)) : [],
    // `createMethods` handles every call with a name.
    route: (method) => fail(method === 'tools/call' ? nameless('tool') : NO_SUCH_METHOD),
    show: (_server, result) => result,
    showUri: (_server, uri) => uri,
    servers: () => Promise.resolve([]),
    listensForLists: true,
    current: () => Promise.resolve(view),
    builtInTool: (name) => name,
  };
  return view;
}

const INSTRUCTIONS =
  'The tools of the gateway itself: what is registered, work for its specialist agents, quality gates, health, reports and the audit trail.';
