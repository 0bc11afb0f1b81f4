import type { ServerRecord, Tool } from '../../shared/registry/server.ts';
import { toolHash } from '../../shared/registry/toolHashes.ts';
import { planHref } from './plans.ts';

/** A server as lists show it. */
export function serverSummary(record: ServerRecord): object {
  const { slug, title, description, url, tags, owner, status, statusReason, discovery } = record;
  return {
    slug,
    title,
    description,
    url,
    tags,
    owner,
    status,
    statusReason,
    era: discovery?.era,
    toolCount: discovery?.tools.length,
  };
}

/** A server with all that is known of it. */
export function serverDetails(record: ServerRecord): object {
  const { discovery, planId, statusChangedAt, createdBy, createdAt, updatedAt } = record;
  return {
    ...serverSummary(record),
    server: record.server,
    statusChangedAt,
    protocolVersion: discovery?.protocolVersion,
    serverInfo: discovery?.serverInfo,
    tools: discovery?.tools.map(toolView) ?? [],
    discoveredAt: discovery?.discoveredAt,
    plan: { id: planId, href: planHref(planId) },
    createdBy,
    createdAt,
    updatedAt,
  };
}

function toolView(tool: Tool) {
  const { name, title, description } = tool;
  return { name, title, description, hash: toolHash(tool) };
}
