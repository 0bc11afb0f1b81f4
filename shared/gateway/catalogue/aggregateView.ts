import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Era } from '../../registry/records/era.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { aggregateName, aggregateUri, findNamed, parseAggregateUri, slugIn } from './names.ts';
import { nameless, resourceOf, unknownTool } from './serverView.ts';
import { isSound, toolFor } from './tools.ts';
import { KEYS, type ListKind, NO_SUCH_METHOD, type Routed, type View } from './view.ts';

const INSTRUCTIONS =
  'Tools of several MCP servers behind one endpoint. A tool is named {server}__{tool}: call it by that whole name.';

/** Lists of a catalogue, made once for as long as it does not change. */
const made = new WeakMap<readonly ActiveServer[], Map<string, readonly JsonObject[]>>();

/**
 * All servers that take the tenant's calls. Tools and prompts are named `{slug}__{name}` and resources `mcp+{slug}+{uri}`, the
 * same whether there is one server or many.
 */
export function aggregateView(catalogue: Catalogue, tenantId: string): View {
  const servers = (): Promise<readonly ActiveServer[]> => catalogue.all(tenantId);

  const routed = (server: ActiveServer, method: string, params: JsonObject): Result<Routed> =>
    succeed({ server, params, resource: resourceOf(server, method, params) });

  async function serverIn(name: string): Promise<ActiveServer | undefined> {
    const slug = slugIn(name);
    return slug === undefined ? undefined : catalogue.find(tenantId, slug);
  }

  async function promptOf(name: string): Promise<{ server: ActiveServer; name: string } | undefined> {
    const server = await serverIn(name);
    const prompt = server && findNamed(server.discovery.prompts ?? [], server.slug, name);
    return server && prompt && { server, name: prompt.name };
  }

  /** Gives what names a resource to its server, in that server's words. */
  async function routeResource(
    text: unknown,
    method: string,
    own: (uri: string) => JsonObject,
  ): Promise<Result<Routed>> {
    const address = typeof text === 'string' ? parseAggregateUri(text) : undefined;
    const server = address && (await catalogue.find(tenantId, address.slug));
    return server ? routed(server, method, own(address.uri)) : unknownResource;
  }

  const view: View = {
    endpoint: '',
    servers,
    // The lists here change with the registry; a stream to every server for every client would cost more than it tells.
    hearsListsOfServers: false,
    current: () => Promise.resolve(view),
    async profile() {
      const all = await servers();
      const has = (name: string) => all.some(({ discovery }) => name in discovery.capabilities);
      return {
        capabilities: {
          tools: { listChanged: true },
          ...(has('prompts') && { prompts: { listChanged: true } }),
          ...(has('resources') && { resources: { listChanged: true, subscribe: true } }),
          ...Object.fromEntries(['completions', 'logging'].filter(has).map((name) => [name, {}])),
        },
        instructions: INSTRUCTIONS,
      };
    },
    async list(kind, era) {
      const all = await servers();
      const lists = made.get(all) ?? new Map<string, readonly JsonObject[]>();
      made.set(all, lists);
      const key = `${era} ${kind}`;
      const known = lists.get(key) ?? merge(all, kind, era);
      lists.set(key, known);
      return known;
    },
    async route(method, params) {
      switch (method) {
        case 'tools/call': {
          const { name } = params;
          if (typeof name !== 'string') return fail(nameless('tool'));
          const server = await serverIn(name);
          const tool = server && findNamed(server.discovery.tools, server.slug, name);
          if (server === undefined || tool === undefined || !isSound(tool)) return fail(unknownTool(name));
          const own = { ...params, name: tool.name };
          return succeed({ server, params: own, tool, resource: resourceOf(server, method, own) });
        }
        case 'prompts/get': {
          const { name } = params;
          if (typeof name !== 'string') return fail(nameless('prompt'));
          const prompt = await promptOf(name);
          return prompt
            ? routed(prompt.server, method, { ...params, name: prompt.name })
            : unknownPrompt(name);
        }
        case 'resources/read':
        case 'resources/subscribe':
        case 'resources/unsubscribe': {
          const { uri } = params;
          if (typeof uri !== 'string')
            return fail({ kind: 'invalid', message: 'params.uri must be the URI of a resource.' });
          return routeResource(uri, method, (own) => ({ ...params, uri: own }));
        }
        case 'completion/complete': {
          const ref = isObject(params['ref']) ? params['ref'] : {};
          const { name, uri } = ref;
          if (ref['type'] === 'ref/prompt' && typeof name === 'string') {
            const prompt = await promptOf(name);
            return prompt
              ? routed(prompt.server, method, { ...params, ref: { ...ref, name: prompt.name } })
              : unknownPrompt(name);
          }
          return routeResource(uri, method, (own) => ({ ...params, ref: { ...ref, uri: own } }));
        }
        default:
          return fail(NO_SUCH_METHOD);
      }
    },
    show: ({ slug }, result) => {
      const { contents, content, messages } = result;
      return {
        ...result,
        ...(Array.isArray(contents) && { contents: contents.map((part) => renamed(slug, part)) }),
        ...(Array.isArray(content) && { content: content.map((part) => shownPart(slug, part)) }),
        ...(Array.isArray(messages) && {
          messages: messages.map((message: unknown) =>
            isObject(message) && isObject(message['content'])
              ? { ...message, content: shownPart(slug, message['content']) }
              : message,
          ),
        }),
      };
    },
    showUri: ({ slug }, uri) => aggregateUri(slug, uri),
  };
  return view;
}

const unknownPrompt = (name: string) =>
  fail({
    kind: 'not_found',
    message: `There is no prompt "${name.slice(0, 200)}". prompts/list names the prompts that you can get.`,
  });
const unknownResource = fail({
  kind: 'not_found',
  message: 'There is no such resource. resources/list and resources/templates/list name what you can read.',
});

/** The items of all servers under their names here. */
function merge(servers: readonly ActiveServer[], kind: ListKind, era: Era): readonly JsonObject[] {
  const items: { key: string; item: JsonObject }[] = [];
  for (const { slug, discovery } of servers) {
    if (kind === 'tools') {
      for (const tool of discovery.tools) {
        if (!isSound(tool)) continue;
        const name = aggregateName({ slug, name: tool.name });
        items.push({ key: name, item: toolFor[era]({ ...tool, name }) });
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

/** A part of a content that names a resource by its server's URI. */
function shownPart(slug: string, part: unknown): unknown {
  if (!isObject(part)) return part;
  if (part['type'] === 'resource_link') return renamed(slug, part);
  if (part['type'] === 'resource') return { ...part, resource: renamed(slug, part['resource']) };
  return part;
}

const renamed = (slug: string, part: unknown): unknown =>
  isObject(part) && typeof part['uri'] === 'string'
    ? { ...part, uri: aggregateUri(slug, part['uri']) }
    : part;
