import type { ServerHealth } from '../../shared/gateway/upstream/serverHealth.ts';
import { itemHash } from '../../shared/registry/records/itemHashes.ts';
import type { Discovery, ServerRecord } from '../../shared/registry/records/server.ts';
import { planHref } from './plans.ts';

/** Returns a server as lists show it to a tenant. For a server of another tenant it omits the internal fields. */
export function serverSummary(record: ServerRecord, viewer: string): object {
  const { slug, title, description, url, tags, owner, visibility, status, statusReason, discovery } = record;
  const isOwn = record.tenantId === viewer;
  return {
    slug,
    title,
    description,
    tags,
    ...(isOwn && { url, owner }),
    visibility: visibility ?? 'tenant',
    status,
    statusReason,
    era: discovery?.era,
    toolCount: discovery?.tools.length,
  };
}

/** Returns all fields of a server. `health` is absent before its first discovery. */
export function serverDetails(
  record: ServerRecord,
  viewer: string,
  health: ServerHealth | undefined,
): object {
  const { discovery, planId, statusChangedAt, createdBy, createdAt, updatedAt } = record;
  const { server, advertise, upstream } = record;
  return {
    ...serverSummary(record, viewer),
    ...(record.tenantId === viewer && {
      server,
      advertise,
      upstream,
      plan: { id: planId, href: planHref(planId) },
      createdBy,
    }),
    statusChangedAt,
    health: health && (record.tenantId === viewer ? health : { ...health, reason: undefined }),
    protocolVersion: discovery?.protocolVersion,
    serverInfo: discovery?.serverInfo,
    capabilities: discovery?.capabilities,
    ...offered(discovery),
    discoveredAt: discovery?.discoveredAt,
    createdAt,
    updatedAt,
  };
}

/** Returns what the server offers, each item with its hash. A list that is not stored is absent. */
function offered(discovery: Discovery | undefined): object {
  const { tools = [], prompts, resources, resourceTemplates } = discovery ?? {};
  return {
    tools: tools.map((tool) => ({ name: tool.name, ...described(tool) })),
    prompts: prompts?.map((prompt) => ({ name: prompt.name, ...described(prompt) })),
    resources: resources?.map((resource) => ({
      uri: resource.uri,
      name: resource['name'],
      ...described(resource),
    })),
    resourceTemplates: resourceTemplates?.map((template) => ({
      uriTemplate: template.uriTemplate,
      name: template['name'],
      ...described(template),
    })),
  };
}

function described(item: Readonly<Record<string, unknown>>): object {
  const { title, description } = item;
  return { title, description, hash: itemHash(item) };
}
