import type { Principal } from '../../identity/access/actor.ts';
import { fail } from '../../platform/base/result.ts';
import type { Era } from '../../registry/records/era.ts';
import { OWN_SLUG, type Tool } from '../../registry/records/server.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import type { OwnTools } from './builtInTools.ts';
import { aggregateName } from './names.ts';
import { nameless } from './serverView.ts';
import { toolFor } from './tools.ts';
import { NO_SUCH_METHOD, type View } from './view.ts';

const prefix = aggregateName({ slug: OWN_SLUG, name: 'x' }).slice(0, -1);

/** Lists with the gateway's own tools in them, by the list without them and by those tools: so by the caller's roles too. */
const merged = new WeakMap<readonly JsonObject[], WeakMap<readonly Tool[], readonly JsonObject[]>>();

/** The same view, with those of the gateway's own tools beside the servers' that this caller may use. */
export function withOwnTools(view: View, ownTools: OwnTools, principal: Principal): View {
  return {
    ...view,
    async list(kind, era) {
      const list = await view.list(kind, era);
      if (kind !== 'tools' || list === undefined) return list;
      return mergedList(list, await ownTools.list(principal), era);
    },
    ownTool: (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined),
  };
}

function mergedList(list: readonly JsonObject[], own: readonly Tool[], era: Era): readonly JsonObject[] {
  const known = merged.get(list)?.get(own);
  if (known) return known;
  const shown = own.map((tool) => toolFor[era]({ ...tool, name: prefix + tool.name }));
  const made = [...list, ...shown].sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
  const byRoles = merged.get(list) ?? new WeakMap<readonly Tool[], readonly JsonObject[]>();
  merged.set(list, byRoles.set(own, made));
  return made;
}

/** The gateway's own tools alone, by their own names: those that this caller may use. */
export function ownToolsView(ownTools: OwnTools, principal: Principal): View {
  const view: View = {
    endpoint: `servers/${OWN_SLUG}`,
    profile: () => Promise.resolve({ capabilities: { tools: {} }, instructions: INSTRUCTIONS }),
    list: async (kind, era) =>
      kind === 'tools' ? (await ownTools.list(principal)).map((tool) => toolFor[era](tool)) : [],
    // A call with a name never comes here.
    route: (method) => Promise.resolve(fail(method === 'tools/call' ? nameless('tool') : NO_SUCH_METHOD)),
    show: (_server, result) => result,
    showUri: (_server, uri) => uri,
    servers: () => Promise.resolve([]),
    hearsListsOfServers: true,
    current: () => Promise.resolve(view),
    ownTool: (name) => name,
  };
  return view;
}

const INSTRUCTIONS =
  'The tools of the gateway itself: what is registered, work for its specialist agents, quality gates, health, reports and the audit trail.';
