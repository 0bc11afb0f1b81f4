import type { Actor } from '../../identity/access/actor.ts';
import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { hasApps, renameApps } from './apps.ts';
import type { BuiltInTools } from './builtInTools.ts';
import { builtInToolIn, withBuiltInTools } from './builtInToolsView.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { dependsOnClient, mergedExtensions, toolsFor, type Viewer, viewerKey } from './clientView.ts';
import { joinInstructions } from './instructions.ts';
import { aggregateName, aggregateUri, findNamed, parseAggregateUri, slugIn } from './names.ts';
import {
  type Finder,
  type FoundTool,
  isSound,
  KEYS,
  type ListKind,
  type Named,
  namedIn,
  nameless,
  type Profile,
  routeBy,
  type Routed,
  type View,
} from './view.ts';

const INSTRUCTIONS =
  'Tools of several MCP servers behind one endpoint. A tool is named {server}__{tool}: call it by that whole name.';

/** Cached lists of a catalogue, as long as the catalogue does not change. */
const made = new WeakMap<readonly ActiveServer[], Map<string, readonly JsonObject[]>>();

/**
 * All servers that take the tenant's calls, and the built-in tools that the caller may use. Tools and prompts are named
 * `{slug}__{name}` and resources `mcp+{slug}+{uri}`, the same whether there is one server or many. A class, because each request
 * makes a view.
 */
export class AggregateView implements View, Finder {
  readonly endpoint = '';
  // The lists change with the registry. A stream to every server for every client would cost too much.
  readonly listensForLists = false;
  readonly completesResources = true;
  readonly #catalogue: Catalogue;
  readonly #actor: Actor;
  readonly #builtInTools: BuiltInTools | undefined;

  constructor(catalogue: Catalogue, actor: Actor, builtInTools: BuiltInTools | undefined) {
    this.#catalogue = catalogue;
    this.#actor = actor;
    this.#builtInTools = builtInTools;
  }

  current(): Promise<View> {
    return Promise.resolve(this);
  }

  servers(): Promise<readonly ActiveServer[]> {
    return this.#catalogue.all(this.#actor.tenantId);
  }

  async profile(): Promise<Profile> {
    const all = await this.servers();
    const has = (name: string) => all.some(({ discovery }) => name in discovery.capabilities);
    const extensions = mergedExtensions(all);
    return {
      capabilities: {
        tools: { listChanged: true },
        ...(has('prompts') && { prompts: { listChanged: true } }),
        ...(has('resources') && { resources: { listChanged: true, subscribe: true } }),
        ...Object.fromEntries(['completions', 'logging'].filter(has).map((name) => [name, {}])),
        ...(extensions && { extensions }),
      },
      instructions: joinInstructions(INSTRUCTIONS, all),
    };
  }

  async list(kind: ListKind, viewer: Viewer): Promise<readonly JsonObject[]> {
    const all = await this.servers();
    const lists = made.get(all) ?? new Map<string, readonly JsonObject[]>();
    made.set(all, lists);
    const key = `${viewerKey(all, viewer)} ${kind}`;
    const known = lists.get(key) ?? merge(all, kind, viewer);
    lists.set(key, known);
    return kind === 'tools' && this.#builtInTools
      ? withBuiltInTools(known, await this.#builtInTools.list(this.#actor), viewer.client)
      : known;
  }

  route(method: string, params: JsonObject): Awaitable<Result<Routed>> {
    return routeBy(this, method, params);
  }

  tool(name: string): Awaitable<FoundTool | undefined> {
    return andThen(this.#serverIn(name), (server) => {
      if (!server) return this.#toolOfApp(name);
      const tool = findNamed(server.discovery.tools, server.slug, name);
      if (tool) return { server, own: tool.name, tool };
      return dependsOnClient(server) ? { server, own: name.slice(server.slug.length + 2) } : undefined;
    });
  }

  prompt(name: unknown): Awaitable<Result<Named>> {
    if (typeof name !== 'string') return fail(nameless('prompt'));
    return andThen(this.#serverIn(name), (server) => {
      const prompt = server && findNamed(server.discovery.prompts ?? [], server.slug, name);
      return server && prompt ? succeed({ server, own: prompt.name }) : unknownPrompt(name);
    });
  }

  resource(uri: unknown, method: string): Awaitable<Result<Named>> {
    if (typeof uri !== 'string' && method !== 'completion/complete') return wrongUri;
    const address = typeof uri === 'string' ? parseAggregateUri(uri) : undefined;
    if (address === undefined) return unknownResource;
    return andThen(this.#catalogue.find(this.#actor.tenantId, address.slug), (server) =>
      server ? succeed({ server, own: address.uri }) : unknownResource,
    );
  }

  slugIn(_method: string, params: JsonObject): string | undefined {
    const { name, uri } = namedIn(params);
    if (typeof name === 'string') return slugIn(name);
    return typeof uri === 'string' ? parseAggregateUri(uri)?.slug : undefined;
  }

  builtInTool(name: string): string | undefined {
    return this.#builtInTools && builtInToolIn(name);
  }

  show({ slug }: ActiveServer, result: JsonObject): JsonObject {
    let shown = renameApps(result, (uri) => aggregateUri(slug, uri));
    for (const [field, show] of NAMING) {
      const list = result[field];
      if (!Array.isArray(list)) continue;
      const parts = list.map((part: unknown) => show(slug, part));
      if (parts.some((part, index) => part !== list[index])) shown = { ...shown, [field]: parts };
    }
    return shown;
  }

  showUri({ slug }: ActiveServer, uri: string): string {
    return aggregateUri(slug, uri);
  }

  #serverIn(name: string): Awaitable<ActiveServer | undefined> {
    const slug = slugIn(name);
    return slug === undefined ? undefined : this.#catalogue.find(this.#actor.tenantId, slug);
  }

  /** The page of an app calls tools by their servers' own names. It gets the one tool of that name among servers with apps. */
  async #toolOfApp(name: string): Promise<FoundTool | undefined> {
    const found = (await this.servers()).flatMap((server) => {
      const { tools } = server.discovery;
      const tool = hasApps(tools) ? tools.find((candidate) => candidate.name === name) : undefined;
      return tool ? [{ server, own: name, tool }] : [];
    });
    return found.length === 1 ? found[0] : undefined;
  }
}

const unknownPrompt = (name: string) =>
  fail({
    kind: 'not_found',
    message: `There is no prompt "${name.slice(0, 200)}". prompts/list names the prompts that you can get.`,
  });
const wrongUri = fail({ kind: 'invalid', message: 'params.uri must be the URI of a resource.' });
const unknownResource = fail({
  kind: 'not_found',
  message: 'There is no such resource. resources/list and resources/templates/list name what you can read.',
});

/** Returns the items of all servers with their names here. */
function merge(servers: readonly ActiveServer[], kind: ListKind, viewer: Viewer): readonly JsonObject[] {
  const items: { key: string; item: JsonObject }[] = [];
  for (const server of servers) {
    const { slug, discovery } = server;
    if (kind === 'tools') {
      for (const tool of toolsFor(server, viewer)) {
        if (!isSound(tool)) continue;
        const name = aggregateName({ slug, name: tool.name });
        const shown = renameApps({ ...tool, name }, (uri) => aggregateUri(slug, uri));
        items.push({ key: name, item: viewer.client.showTool(shown) });
      }
    } else {
      for (const item of discovery[kind] ?? []) {
        const own = String(item[KEYS[kind]]);
        const key = kind === 'prompts' ? aggregateName({ slug, name: own }) : aggregateUri(slug, own);
        items.push({ key, item: { ...item, [KEYS[kind]]: key } });
      }
    }
  }
  return items.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}

/** The fields of a result that may name resources, and how each of their parts is shown. A part without a resource stays. */
const NAMING: readonly (readonly [string, (slug: string, part: unknown) => unknown])[] = [
  ['contents', renamed],
  ['content', shownPart],
  [
    'messages',
    (slug, message) => {
      if (!isObject(message)) return message;
      const content = shownPart(slug, message['content']);
      return content === message['content'] ? message : { ...message, content };
    },
  ],
];

/** Renames the resource in a part of a content. */
function shownPart(slug: string, part: unknown): unknown {
  if (!isObject(part)) return part;
  if (part['type'] === 'resource_link') return renamed(slug, part);
  if (part['type'] === 'resource') return { ...part, resource: renamed(slug, part['resource']) };
  return part;
}

function renamed(slug: string, part: unknown): unknown {
  return isObject(part) && typeof part['uri'] === 'string'
    ? { ...part, uri: aggregateUri(slug, part['uri']) }
    : part;
}
