import { fail, succeed } from '../../platform/base/result.ts';
import { withoutTasks } from '../protocol/envelope.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { dependsOnClient, toolsFor } from './clientView.ts';
import { isSound, nameless, NO_SUCH_METHOD, resourceOf, unknownTool, type View } from './view.ts';

/** One server under its own names. What it knows beyond the registry (a URI of a template, a vendor's method) passes. */
export function serverView(server: ActiveServer, catalogue: Catalogue, tenantId: string): View {
  const { slug, discovery } = server;
  return {
    endpoint: `servers/${slug}`,
    profile: () =>
      Promise.resolve({
        capabilities: withoutTasks(discovery.capabilities),
        instructions: discovery.instructions,
        serverInfo: discovery.serverInfo,
      }),
    list(kind, viewer) {
      if (kind === 'tools')
        return Promise.resolve(
          toolsFor(server, viewer)
            .filter(isSound)
            .map((tool) => viewer.client.showTool(tool)),
        );
      const isOffered = (kind === 'prompts' ? 'prompts' : 'resources') in discovery.capabilities;
      return Promise.resolve(discovery[kind] ?? (isOffered ? undefined : []));
    },
    route(method, params) {
      const resource = resourceOf(server, method, params);
      if (method !== 'tools/call')
        return method.startsWith('tasks/') ? fail(NO_SUCH_METHOD) : succeed({ server, params, resource });
      const { name } = params;
      if (typeof name !== 'string') return fail(nameless('tool'));
      const tool = discovery.tools.find((candidate) => candidate.name === name);
      const isKnown = tool ? isSound(tool) : dependsOnClient(server);
      return isKnown ? succeed({ server, params, tool, resource }) : fail(unknownTool(name));
    },
    show: (_server, result) => result,
    showUri: (_server, uri) => uri,
    servers: () => Promise.resolve([server]),
    listensForLists: true,
    async current() {
      const now = (await catalogue.all(tenantId)).find((candidate) => candidate.slug === slug);
      return now && serverView(now, catalogue, tenantId);
    },
  };
}
