import type { DomainError } from '../../platform/base/errors.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import type { Era } from '../../registry/records/era.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { NAMED_BY } from '../protocol/versions.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { isSound, toolFor } from './tools.ts';
import { NO_SUCH_METHOD, type View } from './view.ts';

/** One server under its own names. What it knows beyond the registry (a URI of a template, a vendor's method) passes. */
export function serverView(server: ActiveServer, catalogue: Catalogue, tenantId: string): View {
  const { slug, discovery } = server;
  return {
    endpoint: `servers/${slug}`,
    profile: (era) =>
      Promise.resolve({
        capabilities: capabilitiesFor[era](discovery.capabilities),
        instructions: discovery.instructions,
        serverInfo: discovery.serverInfo,
      }),
    list(kind, era) {
      if (kind === 'tools')
        return Promise.resolve(discovery.tools.filter(isSound).map((tool) => toolFor[era](tool)));
      const isOffered = (kind === 'prompts' ? 'prompts' : 'resources') in discovery.capabilities;
      return Promise.resolve(discovery[kind] ?? (isOffered ? undefined : []));
    },
    route(method, params) {
      const resource = resourceOf(server, method, params);
      if (method !== 'tools/call')
        return Promise.resolve(
          method.startsWith('tasks/') ? fail(NO_SUCH_METHOD) : succeed({ server, params, resource }),
        );
      const { name } = params;
      if (typeof name !== 'string') return Promise.resolve(fail(nameless('tool')));
      const tool = discovery.tools.find((candidate) => candidate.name === name);
      return Promise.resolve(
        tool && isSound(tool) ? succeed({ server, params, tool, resource }) : fail(unknownTool(name)),
      );
    },
    show: (_server, result) => result,
    showUri: (_server, uri) => uri,
    servers: () => Promise.resolve([server]),
    hearsListsOfServers: true,
    async current() {
      const now = (await catalogue.all(tenantId)).find((candidate) => candidate.slug === slug);
      return now && serverView(now, catalogue, tenantId);
    },
  };
}

export const nameless = (what: string): DomainError => ({
  kind: 'invalid',
  message: `params.name must be the name of a ${what}.`,
});

export const unknownTool = (name: string): DomainError => ({
  kind: 'not_found',
  message: `There is no tool "${name.slice(0, 200)}". tools/list names the tools that you can call.`,
});

/** Prompts and tools are named; a URI may hold what is nobody's business. */
export function resourceOf({ slug }: ActiveServer, method: string, params: JsonObject): string {
  const named = { 'tools/call': 'tools', 'prompts/get': 'prompts' }[method];
  const name = params[NAMED_BY.get(method) ?? ''];
  return named !== undefined && typeof name === 'string'
    ? `servers/${slug}/${named}/${name}`
    : `servers/${slug}`;
}

/** What the gateway can carry of a server's capabilities to a client of an era: tasks to none. */
export const capabilitiesFor: Record<Era, (capabilities: JsonObject) => JsonObject> = {
  legacy: ({ tasks: _tasks, extensions: _extensions, ...capabilities }) => capabilities,
  modern: ({ tasks: _tasks, extensions, ...capabilities }) => {
    if (!isObject(extensions)) return capabilities;
    const { 'io.modelcontextprotocol/tasks': _taskExtension, ...others } = extensions;
    return Object.keys(others).length > 0 ? { ...capabilities, extensions: others } : capabilities;
  },
};
