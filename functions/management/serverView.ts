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

/** Returns all fields of a server. Its health is `failed` while the circuit breaker is open. */
export function serverDetails(record: ServerRecord, viewer: string, isBroken: boolean): object {
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
    health: discovery && {
      status: isBroken ? 'failed' : 'healthy',
      checkedAt: discovery.discoveredAt,
    },
    protocolVersion: discovery?.protocolVersion,
    serverInfo: discovery?.serverInfo,
    capabilities: discovery?.capabilities,
    ...offered(discovery),
    leftOut: discovery?.leftOut,
    discoveredAt: discovery?.discoveredAt,
    createdAt,
    updatedAt,
  };
}

/** Returns what the server offers, each item with its hash. A list that is not stored is absent. */
function offered(discovery: Discovery | undefined): object {
  const { tools = [], prompts, resources, resourceTemplates, needs = [] } = discovery ?? {};
  const needed = new Map(needs.map(({ tool, features }) => [tool, features]));
  return {
    tools: tools.map((tool) => ({
      name: tool.name,
      ...described(tool),
      clientNeeds: needed.get(tool.name),
    })),
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
