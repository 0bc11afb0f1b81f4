import type { Era, ServerRecord, Tool } from '../registry/server.ts';
import type { ServerStore } from '../registry/serverStore.ts';
import { isObject } from './jsonRpc.ts';
import { aggregateName, parseAggregateName } from './names.ts';
import { parameterHeaders } from './parameterHeaders.ts';

/** A tool of a server that takes calls. */
export interface CataloguedTool {
  readonly server: ServerRecord;
  readonly era: Era;
  readonly tool: Tool;
}

/** Records read from the store at once. */
const PAGE = 100;

/**
 * All tools of the tenant's active servers as a client of the given era sees them, sorted by name, so that the same
 * catalogue always reads the same. Left out are tools whose aggregate name clients need not accept, and tools that would
 * make a client refuse the whole list or that no client could call through the gateway.
 */
export async function listTools(servers: ServerStore, tenantId: string, era: Era): Promise<readonly Tool[]> {
  const listed: Tool[] = [];
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
    for (const server of page.items) {
      for (const tool of activeTools(server)) {
        const name = aggregateName({ slug: server.slug, tool: tool.name });
        if (name !== undefined && isSound(tool)) listed.push(viewFor[era]({ ...tool, name }));
      }
    }
    after = page.after;
  } while (after !== undefined);
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The tool that an aggregate name stands for; undefined when it is not one that `listTools` gives. */
export async function findTool(
  servers: ServerStore,
  tenantId: string,
  name: string,
): Promise<CataloguedTool | undefined> {
  const address = parseAggregateName(name);
  if (address === undefined) return undefined;
  const server = (await servers.find(tenantId, address.slug))?.value;
  if (server?.discovery === undefined) return undefined;
  const tool = activeTools(server).find((candidate) => candidate.name === address.tool);
  return tool !== undefined && isSound(tool) ? { server, era: server.discovery.era, tool } : undefined;
}

function activeTools({ status, discovery }: ServerRecord): readonly Tool[] {
  return status === 'active' && discovery !== undefined ? discovery.tools : [];
}

/** Whether a tool has the shape that clients check (both eras, server/tools, Tool) and can be called as it is. */
function isSound(tool: Tool): boolean {
  const { title, description, inputSchema, outputSchema, annotations, execution, _meta: meta } = tool;
  return (
    isObject(inputSchema) &&
    inputSchema['type'] === 'object' &&
    [title, description].every((text) => text === undefined || typeof text === 'string') &&
    [outputSchema, annotations, execution, meta].every((part) => part === undefined || isObject(part)) &&
    // Such a tool wants to be run as a task, which the gateway does not offer.
    !(isObject(execution) && execution['taskSupport'] === 'required') &&
    parameterHeaders(inputSchema) !== undefined
  );
}

const viewFor: Record<Era, (tool: Tool) => Tool> = {
  // Until 2025-11-25 the output of a tool is an object, and clients refuse a list that says otherwise.
  legacy: ({ outputSchema, ...tool }) =>
    isObject(outputSchema) && outputSchema['type'] === 'object' ? { ...tool, outputSchema } : tool,
  // 2026-07-28 has no such field.
  modern: ({ execution: _execution, ...tool }) => tool,
};
