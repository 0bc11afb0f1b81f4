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

/** A server with all that is known of it. It has failed while the gateway leaves it alone, after failures in a row. */
export function serverDetails(record: ServerRecord, isResting: boolean): object {
  const { discovery, planId, statusChangedAt, createdBy, createdAt, updatedAt } = record;
  return {
    ...serverSummary(record),
    server: record.server,
    statusChangedAt,
    health: discovery && {
      status: isResting ? 'failed' : 'healthy',
      checkedAt: discovery.discoveredAt,
    },
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
