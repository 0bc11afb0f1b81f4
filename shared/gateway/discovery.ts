import { fail, type Result, succeed } from '../platform/result.ts';
import type { Discovery, Tool } from '../registry/server.ts';
import { type Bounds, unsafeShape } from '../platform/jsonShape.ts';
import { explainFailure, Unfit } from './discoveryFailure.ts';
import type { GatewayDeps } from './request.ts';
import { isObject } from './jsonRpc.ts';
import { type Ask, openServer } from './openServer.ts';

/** A catalogue beyond these is of no use to a model, and a record must fit a table row. */
const MAX_TOOLS = 500;
const MAX_PAGES = 20;
const MAX_SCHEMA: Bounds = { depth: 64, keys: 10_000 };
/** A row holds 1 MiB in UTF-16, that is 512 Ki characters; the rest of the record needs some of them. */
const MAX_JSON_LENGTH = 400 * 1024;

/**
 * Finds out what a server is: its era, its capabilities and its tools. Modern is tried first, then the legacy handshake
 * (2026-07-28, versioning, Backward Compatibility); no answer, a 401, a 403 or a 5xx decides no era and is a failure. The
 * message of a failure is for whoever registered the server. A legacy session that was opened is ended again.
 */
export async function discoverServer(
  url: string,
  deps: Pick<GatewayDeps, 'outbound' | 'clock'>,
  signal: AbortSignal,
): Promise<Result<Discovery>> {
  try {
    const opened = await openServer(deps.outbound, url, signal);
    try {
      const { profile, ask } = opened;
      const length = JSON.stringify(profile).length;
      requireShort(length);
      const tools = 'tools' in profile.capabilities ? await listAll(ask, length) : [];
      return succeed({ ...profile, tools, discoveredAt: deps.clock.now().toISOString() });
    } finally {
      await opened.close();
    }
  } catch (error) {
    return fail(explainFailure(error));
  }
}

/** `length` is what the rest of the record takes already. */
async function listAll(ask: Ask, length: number): Promise<Tool[]> {
  const tools = new Map<string, Tool>();
  let cursor: unknown;
  let pages = 0;
  do {
    if (pages === MAX_PAGES) throw new Unfit(`lists its tools in more than ${MAX_PAGES} pages`);
    pages += 1;
    const page = await ask('tools/list', cursor === undefined ? {} : { cursor });
    if (!Array.isArray(page['tools'])) throw new Unfit('answered tools/list without a list of tools');
    for (const item of page['tools'] as unknown[]) {
      const tool = toTool(item);
      if (tools.has(tool.name)) throw new Unfit(`lists the tool "${tool.name}" twice`);
      tools.set(tool.name, tool);
      if (tools.size > MAX_TOOLS) throw new Unfit(`offers more than ${MAX_TOOLS} tools`);
      length += JSON.stringify(tool).length;
      requireShort(length);
    }
    cursor = page['nextCursor'];
  } while (typeof cursor === 'string');
  return [...tools.values()];
}

function requireShort(length: number): void {
  if (length <= MAX_JSON_LENGTH) return;
  throw new Unfit(`describes itself and its tools in more than ${MAX_JSON_LENGTH / 1024} KiB of JSON`);
}

function toTool(item: unknown): Tool {
  if (!isObject(item) || typeof item['name'] !== 'string') throw new Unfit('lists a tool without a name');
  const { name } = item;
  if (name.length > 128) throw new Unfit('lists a tool whose name is longer than 128 characters');
  const unsafe = unsafeShape(item, MAX_SCHEMA);
  if (unsafe !== undefined) throw new Unfit(`lists the tool "${name}", whose definition ${unsafe}`);
  return { ...item, name };
}
