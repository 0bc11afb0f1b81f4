import type { ServerHealth } from '../../shared/gateway/upstream/serverHealth.ts';
import { itemHash } from '../../shared/registry/records/itemHashes.ts';
import {
  type Discovery,
  type ServerRecord,
  statusReasonOf,
  type Tool,
} from '../../shared/registry/records/server.ts';
import { planHref } from './plans.ts';

/**
 * Returns a server as lists show it to a tenant. For a server of another tenant it omits the internal fields. `health` is absent
 * before the first discovery.
 */
export function serverSummary(
  record: ServerRecord,
  viewer: string,
  health: ServerHealth | undefined,
): object {
  const { slug, title, description, url, tags, owner, visibility, status, discovery } = record;
  const isOwn = record.tenantId === viewer;
  return {
    slug,
    title,
    description,
    tags,
    ...(isOwn && { url, owner }),
    visibility: visibility ?? 'tenant',
    status,
    statusReason: statusReasonOf(record),
    era: discovery?.era,
    toolCount: discovery?.tools.length,
    health: health && {
      ...health,
      ...(status === 'disabled' && { status }),
      reason: isOwn ? health.reason : undefined,
    },
  };
}

/** The parts of a server's details that are long, and are shown when a caller asks for them. */
export const detailParts = ['schemas'] as const;

/** Returns all fields of a server, with the schemas of its tools if `include` names them. */
export function serverDetails(
  record: ServerRecord,
  viewer: string,
  health: ServerHealth | undefined,
  include: readonly (typeof detailParts)[number][] = [],
): object {
  const { discovery, planId, statusChangedAt, createdBy, createdAt, updatedAt } = record;
  const { server, advertise, upstream } = record;
  return {
    ...serverSummary(record, viewer, health),
    ...(record.tenantId === viewer && {
      server,
      advertise,
      upstream,
      plan: { id: planId, href: planHref(planId) },
      createdBy,
    }),
    statusChangedAt,
    protocolVersion: discovery?.protocolVersion,
    serverInfo: discovery?.serverInfo,
    capabilities: discovery?.capabilities,
    ...offered(discovery, include.includes('schemas')),
    leftOut: discovery?.leftOut,
    discoveredAt: discovery?.discoveredAt,
    createdAt,
    updatedAt,
  };
}

/** Returns what the server offers, each item with its hash. A list that is not stored is absent. */
function offered(discovery: Discovery | undefined, withSchemas: boolean): object {
  const { tools = [], prompts, resources, resourceTemplates, needs = [] } = discovery ?? {};
  const needed = new Map(needs.map(({ tool, features }) => [tool, features]));
  return {
    tools: tools.map((tool) => ({
      name: tool.name,
      ...described(tool),
      clientNeeds: needed.get(tool.name),
      ...(withSchemas && schemasOf(tool)),
    })),
    prompts: prompts?.map((prompt) => ({
      name: prompt.name,
      ...described(prompt),
      ...(withSchemas && { arguments: prompt['arguments'] }),
    })),
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

const schemasOf = ({ inputSchema, outputSchema, annotations }: Tool): object => ({
  inputSchema,
  outputSchema,
  annotations,
});

function described(item: Readonly<Record<string, unknown>>): object {
  const { title, description } = item;
  return { title, description, hash: itemHash(item) };
}
