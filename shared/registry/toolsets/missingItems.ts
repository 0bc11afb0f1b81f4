import type { Discovery, ServerRecord } from '../records/server.ts';
import type { VisibleServers } from '../records/visibleServers.ts';
import type { Toolset } from './toolset.ts';

/** An item of a toolset that its endpoint does not show now, with the reason. `path` is its place in the toolset. */
export interface MissingItem {
  readonly path: string;
  readonly message: string;
}

/**
 * Returns the items that their servers did not offer when the gateway last read them. A toolset may be made before its servers, so
 * these are no errors. It reads each server once.
 */
export async function missingItems(
  { tenantId, tools, prompts, resources }: Toolset,
  servers: Pick<VisibleServers, 'find'>,
): Promise<readonly MissingItem[]> {
  const slugs = new Set([...tools, ...prompts, ...resources].map(({ server }) => server));
  const found = new Map(
    await Promise.all(
      [...slugs].map(async (slug) => [slug, (await servers.find(tenantId, slug))?.value] as const),
    ),
  );
  const check = <T extends { readonly server: string }>(
    list: string,
    items: readonly T[],
    offers: (discovery: Discovery, item: T) => boolean,
    nameOf: (item: T) => string,
  ): readonly MissingItem[] =>
    items.flatMap((item, index) => {
      const record = found.get(item.server);
      const message =
        serverProblem(item.server, record) ??
        (record?.discovery && !offers(record.discovery, item)
          ? `the server "${item.server}" has no ${nameOf(item)} in its lists`
          : undefined);
      return message === undefined ? [] : [{ path: `${list}.${index}`, message }];
    });
  return [
    ...check('tools', tools, offersTool, ({ name }) => `tool "${name}"`),
    ...check('prompts', prompts, offersPrompt, ({ name }) => `prompt "${name}"`),
    ...check('resources', resources, offersResource, ({ uri }) => `resource "${uri}"`),
  ];
}

function serverProblem(slug: string, record: ServerRecord | undefined): string | undefined {
  if (!record) return `there is no server "${slug}" yet`;
  return record.status === 'active' ? undefined : `the server "${slug}" is ${record.status}`;
}

const offersTool = ({ tools }: Discovery, { name }: { readonly name: string }): boolean =>
  tools.some((tool) => tool.name === name);

/** A list that a server offers may be too long for its record. Then nothing is known about its items. */
const isUnknown = ({ capabilities }: Discovery, list: 'prompts' | 'resources', items: unknown): boolean =>
  items === undefined && list in capabilities;

const offersPrompt = (discovery: Discovery, { name }: { readonly name: string }): boolean =>
  isUnknown(discovery, 'prompts', discovery.prompts) ||
  (discovery.prompts ?? []).some((prompt) => prompt.name === name);

/** Any URI may be one of a resource template. */
const offersResource = (discovery: Discovery, { uri }: { readonly uri: string }): boolean =>
  isUnknown(discovery, 'resources', discovery.resources) ||
  (discovery.resourceTemplates ?? []).length > 0 ||
  (discovery.resources ?? []).some((resource) => resource.uri === uri);
