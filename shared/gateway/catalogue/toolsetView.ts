import { fail, succeed } from '../../platform/base/result.ts';
import { type CuratedItem, shownAs, type Toolset } from '../../registry/toolsets/toolset.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { appUris, hasApps, renameApps } from './apps.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { dependsOnClient, mergedExtensions, toolsFor } from './clientView.ts';
import { joinInstructions } from './instructions.ts';
import { aggregateUri, parseAggregateUri } from './names.ts';
import { type Finder, isSound, namedIn, routeBy, type View } from './view.ts';

const INSTRUCTIONS = 'A curated set of tools of several MCP servers.';

/**
 * A curated set: chosen tools, prompts and resources with the names and descriptions of the set. The lists leave out items that
 * their servers do not offer now.
 */
export function toolsetView(toolset: Toolset, catalogue: Catalogue): View {
  const { tenantId, slug, title, description } = toolset;
  const serverOf = (server: string) => catalogue.find(tenantId, server);

  async function servers(): Promise<readonly ActiveServer[]> {
    const all = [...toolset.tools, ...toolset.prompts, ...toolset.resources];
    const slugs = [...new Set(all.map(({ server }) => server))].sort();
    const found = await Promise.all(slugs.map(async (server) => await serverOf(server)));
    return found.filter((server) => server !== undefined);
  }

  /** Returns the listed form of each item, sorted by the names shown. */
  async function listed<P extends { readonly server: string }>(
    chosen: readonly P[],
    show: (server: ActiveServer, curated: P) => JsonObject | undefined,
    nameOf: (curated: P) => string,
  ): Promise<readonly JsonObject[]> {
    const sorted = chosen.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    const items = await Promise.all(
      sorted.map(async (curated) => {
        const server = await serverOf(curated.server);
        return server && show(server, curated);
      }),
    );
    return items.filter((item) => item !== undefined);
  }

  const dressed = (item: JsonObject, curated: CuratedItem): JsonObject => ({
    ...item,
    name: shownAs(curated),
    ...(curated.description !== undefined && { description: curated.description }),
  });

  const finder: Finder = {
    completesResources: false,
    async tool(name) {
      const item = toolset.tools.find((candidate) => shownAs(candidate) === name);
      const server = item && (await serverOf(item.server));
      if (!server) return undefined;
      const tool = server.discovery.tools.find((candidate) => candidate.name === item.name);
      return tool || dependsOnClient(server) ? { server, own: item.name, tool } : undefined;
    },
    async prompt(name) {
      const item = toolset.prompts.find((candidate) => shownAs(candidate) === name);
      const server = item && (await serverOf(item.server));
      return server ? succeed({ server, own: item.name }) : unknownPrompt;
    },
    async resource(uri) {
      const item = toolset.resources.find((candidate) => candidate.uri === uri) ?? pageOf(uri);
      const server = item && (await serverOf(item.server));
      return server && (isCurated(server, item.uri) || isPage(server, item.uri))
        ? succeed({ server, own: item.uri })
        : unknownResource;
    },
  };

  const isCurated = ({ slug: server }: ActiveServer, uri: string): boolean =>
    toolset.resources.some((resource) => resource.server === server && resource.uri === uri);
  /** Whether a chosen tool of the server names this page. The set need not choose the page too. */
  const isPage = ({ slug: server, discovery }: ActiveServer, uri: string): boolean =>
    discovery.tools.some(
      (tool) =>
        appUris(tool).includes(uri) &&
        toolset.tools.some((item) => item.server === server && item.name === tool.name),
    );
  /** Pages have their URIs of the aggregate endpoint, because several servers may use the same. */
  const pageOf = (uri: unknown) => {
    const address = typeof uri === 'string' ? parseAggregateUri(uri) : undefined;
    return address && { server: address.slug, uri: address.uri };
  };
  const showUri = (server: ActiveServer, uri: string): string =>
    !isCurated(server, uri) && isPage(server, uri) ? aggregateUri(server.slug, uri) : uri;

  return {
    endpoint: `toolsets/${slug}`,
    servers,
    async profile() {
      const behind = await servers();
      const has = {
        prompts: toolset.prompts.length > 0,
        resources: toolset.resources.length > 0 || behind.some(({ discovery }) => hasApps(discovery.tools)),
      };
      const extensions = mergedExtensions(behind);
      const some = (name: string) => behind.some(({ discovery }) => name in discovery.capabilities);
      return {
        capabilities: {
          tools: { listChanged: true },
          ...(has.prompts && { prompts: { listChanged: true } }),
          ...(has.resources && { resources: { listChanged: true, subscribe: true } }),
          ...(has.prompts && some('completions') && { completions: {} }),
          ...(some('logging') && { logging: {} }),
          ...(extensions && { extensions }),
        },
        instructions: joinInstructions(
          description === '' ? `${title}. ${INSTRUCTIONS}` : description,
          behind,
        ),
      };
    },
    list(kind, viewer) {
      switch (kind) {
        case 'tools':
          return listed(
            toolset.tools,
            (server, curated) => {
              const tool = toolsFor(server, viewer).find(({ name }) => name === curated.name);
              if (!tool || !isSound(tool)) return undefined;
              const shown = renameApps(viewer.client.showTool(tool), (uri) => showUri(server, uri));
              return dressed(shown, curated);
            },
            shownAs,
          );
        case 'prompts':
          return listed(
            toolset.prompts,
            ({ discovery }, curated) => {
              const prompt = discovery.prompts?.find(({ name }) => name === curated.name);
              return prompt && dressed(prompt, curated);
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
    route: (method, params) => routeBy(finder, method, params),
    slugIn(method, params) {
      const { name, uri } = namedIn(params);
      const items = method === 'tools/call' ? toolset.tools : toolset.prompts;
      const item =
        uri === undefined
          ? items.find((candidate) => shownAs(candidate) === name)
          : toolset.resources.find((candidate) => candidate.uri === uri);
      return item?.server;
    },
    show(server, result) {
      const { contents } = result;
      const shown = renameApps(result, (uri) => showUri(server, uri));
      if (!Array.isArray(contents)) return shown;
      const renamed = (contents as unknown[]).map((part) =>
        isObject(part) && typeof part['uri'] === 'string'
          ? { ...part, uri: showUri(server, part['uri']) }
          : part,
      );
      return { ...shown, contents: renamed };
    },
    showUri,
    listensForLists: false,
    async current() {
      const now = await catalogue.toolset(tenantId, slug);
      return now && toolsetView(now, catalogue);
    },
  };
}

const unknownPrompt = fail({
  kind: 'not_found',
  message: 'There is no such prompt. prompts/list names those there are.',
});
const unknownResource = fail({
  kind: 'not_found',
  message: 'There is no such resource. resources/list names those there are.',
});
