import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { type Pick, shownAs, type Toolset } from '../../registry/toolsets/toolset.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { nameless, resourceOf, unknownTool } from './serverView.ts';
import { isSound, toolFor } from './tools.ts';
import { NO_SUCH_METHOD, type Routed, type View } from './view.ts';

const INSTRUCTIONS = 'A curated set of tools of several MCP servers.';

/**
 * A curated set: chosen tools, prompts and resources under the names and descriptions that its curator gave them, and nothing
 * else. What its server does not offer at present is left out of the lists.
 */
export function toolsetView(toolset: Toolset, catalogue: Catalogue): View {
  const { tenantId, slug, title, description } = toolset;
  const serverOf = (server: string) => catalogue.find(tenantId, server);

  async function servers(): Promise<readonly ActiveServer[]> {
    const picks = [...toolset.tools, ...toolset.prompts, ...toolset.resources];
    const slugs = [...new Set(picks.map(({ server }) => server))].sort();
    const found = await Promise.all(slugs.map(serverOf));
    return found.filter((server) => server !== undefined);
  }

  /** What is listed of each pick, in the order of the names shown. */
  async function listed<P extends { readonly server: string }>(
    picks: readonly P[],
    show: (server: ActiveServer, pick: P) => JsonObject | undefined,
    nameOf: (pick: P) => string,
  ): Promise<readonly JsonObject[]> {
    const sorted = picks.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    const items = await Promise.all(
      sorted.map(async (pick) => {
        const server = await serverOf(pick.server);
        return server && show(server, pick);
      }),
    );
    return items.filter((item) => item !== undefined);
  }

  const dressed = (item: JsonObject, pick: Pick): JsonObject => ({
    ...item,
    name: shownAs(pick),
    ...(pick.description !== undefined && { description: pick.description }),
  });

  async function routePrompt(
    name: unknown,
    method: string,
    own: (name: string) => JsonObject,
  ): Promise<Result<Routed>> {
    const pick = toolset.prompts.find((candidate) => shownAs(candidate) === name);
    const server = pick && (await serverOf(pick.server));
    if (pick === undefined || server === undefined)
      return fail({
        kind: 'not_found',
        message: 'There is no such prompt. prompts/list names those there are.',
      });
    const params = own(pick.name);
    return succeed({ server, params, resource: resourceOf(server, method, params) });
  }

  async function routeResource(uri: unknown, method: string, params: JsonObject): Promise<Result<Routed>> {
    const pick = toolset.resources.find((candidate) => candidate.uri === uri);
    const server = pick && (await serverOf(pick.server));
    return server
      ? succeed({ server, params, resource: resourceOf(server, method, params) })
      : fail({
          kind: 'not_found',
          message: 'There is no such resource. resources/list names those there are.',
        });
  }

  return {
    endpoint: `toolsets/${slug}`,
    servers,
    async profile() {
      const has = { prompts: toolset.prompts.length > 0, resources: toolset.resources.length > 0 };
      const behind = await servers();
      const some = (name: string) => behind.some(({ discovery }) => name in discovery.capabilities);
      return {
        capabilities: {
          tools: { listChanged: true },
          ...(has.prompts && { prompts: { listChanged: true } }),
          ...(has.resources && { resources: { listChanged: true, subscribe: true } }),
          ...(has.prompts && some('completions') && { completions: {} }),
          ...(some('logging') && { logging: {} }),
        },
        instructions: description === '' ? `${title}. ${INSTRUCTIONS}` : description,
      };
    },
    list(kind, era) {
      switch (kind) {
        case 'tools':
          return listed(
            toolset.tools,
            ({ discovery }, pick) => {
              const tool = discovery.tools.find(({ name }) => name === pick.name);
              return tool && isSound(tool) ? dressed(toolFor[era](tool), pick) : undefined;
            },
            shownAs,
          );
        case 'prompts':
          return listed(
            toolset.prompts,
            ({ discovery }, pick) => {
              const prompt = discovery.prompts?.find(({ name }) => name === pick.name);
              return prompt && dressed(prompt, pick);
            },
            shownAs,
          );
        case 'resources':
          return listed(
            toolset.resources,
            ({ discovery }, { uri, description: said }) => {
              const resource = discovery.resources?.find((candidate) => candidate.uri === uri);
              return resource && { ...resource, ...(said !== undefined && { description: said }) };
            },
            ({ uri }) => uri,
          );
        case 'resourceTemplates':
          return Promise.resolve([]);
      }
    },
    async route(method, params) {
      switch (method) {
        case 'tools/call': {
          const { name } = params;
          if (typeof name !== 'string') return fail(nameless('tool'));
          const pick = toolset.tools.find((candidate) => shownAs(candidate) === name);
          const server = pick && (await serverOf(pick.server));
          const tool = server?.discovery.tools.find((candidate) => candidate.name === pick?.name);
          if (server === undefined || tool === undefined || !isSound(tool)) return fail(unknownTool(name));
          const own = { ...params, name: tool.name };
          return succeed({ server, params: own, tool, resource: resourceOf(server, method, own) });
        }
        case 'prompts/get':
          return routePrompt(params['name'], method, (name) => ({ ...params, name }));
        case 'completion/complete': {
          const ref = isObject(params['ref']) ? params['ref'] : {};
          return routePrompt(ref['name'], method, (name) => ({ ...params, ref: { ...ref, name } }));
        }
        case 'resources/read':
        case 'resources/subscribe':
        case 'resources/unsubscribe':
          return routeResource(params['uri'], method, params);
        default:
          return fail(NO_SUCH_METHOD);
      }
    },
    show: (_server, result) => result,
    showUri: (_server, uri) => uri,
    hearsListsOfServers: false,
    async current() {
      const now = await catalogue.toolset(tenantId, slug);
      return now && toolsetView(now, catalogue);
    },
  };
}
