import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { Discovery } from '../../registry/records/server.ts';
import { type Bounds, unsafeShape } from '../../platform/base/jsonShape.ts';
import { explainFailure, Unfit } from './discoveryFailure.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { type Ask, openServer } from '../upstream/openServer.ts';
import { UpstreamFault } from '../upstream/fault.ts';

/** A catalogue beyond these is of no use to a model, and a record must fit a table row. */
const MAX_ITEMS = 500;
const MAX_PAGES = 20;
const MAX_SCHEMA: Bounds = { depth: 64, keys: 10_000 };
const MAX_NAME_LENGTH = 128;
const MAX_URI_LENGTH = 2_048;
/** A row holds 1 MiB in UTF-16, that is 512 Ki characters; the rest of the record needs some of them. */
const MAX_JSON_LENGTH = 400 * 1024;

/** A list that is kept: how it is asked for, and what it holds, in words for whoever registered the server. */
const lists = {
  tools: { method: 'tools/list', key: 'name', word: 'tool', maxLength: MAX_NAME_LENGTH },
  prompts: { method: 'prompts/list', key: 'name', word: 'prompt', maxLength: MAX_NAME_LENGTH },
  resources: { method: 'resources/list', key: 'uri', word: 'resource', maxLength: MAX_URI_LENGTH },
  resourceTemplates: {
    method: 'resources/templates/list',
    key: 'uriTemplate',
    word: 'resource template',
    maxLength: MAX_URI_LENGTH,
  },
} as const;
type List = (typeof lists)[keyof typeof lists];
type Item<L extends List> = JsonObject & Readonly<Record<L['key'], string>>;

/**
 * Finds out what a server is: its era, its capabilities and what it offers. Modern is tried first, then the legacy handshake
 * (2026-07-28, versioning, Backward Compatibility); no answer, a 401, a 403 or a 5xx decides no era and is a failure. The
 * message of a failure is for whoever registered the server. A legacy session that was opened is ended again.
 */
export async function discoverServer(
  target: UpstreamTarget,
  deps: { readonly outboundTo: OutboundTo; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Result<Discovery>> {
  try {
    const opened = await openServer(target, deps.outboundTo, signal);
    try {
      const { profile, ask } = opened;
      const { capabilities } = profile;
      const room = roomBeside(profile);
      const tools = 'tools' in capabilities ? await listAll(ask, lists.tools, room) : [];
      const prompts = 'prompts' in capabilities ? await listIfFit(ask, lists.prompts, room) : undefined;
      const [resources, resourceTemplates] =
        'resources' in capabilities
          ? [await listIfFit(ask, lists.resources, room), await listIfFit(ask, lists.resourceTemplates, room)]
          : [];
      return succeed({
        ...profile,
        tools,
        ...(prompts && { prompts }),
        ...(resources && { resources }),
        ...(resourceTemplates && { resourceTemplates }),
        discoveredAt: deps.clock.now().toISOString(),
      });
    } finally {
      await opened.close();
    }
  } catch (error) {
    return fail(explainFailure(error));
  }
}

/** What is left of a record's room, shared by all lists of a server. */
interface Room {
  take(item: unknown): void;
  left: number;
}

function roomBeside(profile: object): Room {
  const room: Room = {
    left: MAX_JSON_LENGTH,
    take(item) {
      room.left -= JSON.stringify(item).length;
      if (room.left < 0)
        throw new Unfit(`describes itself and its tools in more than ${MAX_JSON_LENGTH / 1024} KiB of JSON`);
    },
  };
  room.take(profile);
  return room;
}

/** A server is worth having for its tools alone: another list that cannot be kept is asked for when it is wanted. */
async function listIfFit<L extends List>(ask: Ask, list: L, room: Room): Promise<Item<L>[] | undefined> {
  const before = room.left;
  try {
    return await listAll(ask, list, room);
  } catch (error) {
    if (!(error instanceof Unfit || error instanceof UpstreamFault)) throw error;
    room.left = before;
    return undefined;
  }
}

async function listAll<L extends List>(ask: Ask, list: L, room: Room): Promise<Item<L>[]> {
  const { method, word } = list;
  const found = new Map<string, Item<L>>();
  let cursor: unknown;
  let pages = 0;
  do {
    if (pages === MAX_PAGES) throw new Unfit(`lists its ${word}s in more than ${MAX_PAGES} pages`);
    pages += 1;
    const page = await ask(method, cursor === undefined ? {} : { cursor });
    const items = page[fieldOf(list)];
    if (!Array.isArray(items)) throw new Unfit(`answered ${method} without a list of ${word}s`);
    for (const value of items as unknown[]) {
      const item = toItem(list, value);
      const name = item[list.key as L['key']];
      if (found.has(name)) throw new Unfit(`lists the ${word} "${name}" twice`);
      found.set(name, item);
      if (found.size > MAX_ITEMS) throw new Unfit(`offers more than ${MAX_ITEMS} ${word}s`);
      room.take(item);
    }
    cursor = page['nextCursor'];
  } while (typeof cursor === 'string');
  return [...found.values()];
}

const fieldOf = (list: List): string =>
  Object.entries(lists).find(([, candidate]) => candidate === list)?.[0] ?? '';

function toItem<L extends List>({ key, word, maxLength }: L, value: unknown): Item<L> {
  const name = isObject(value) ? value[key] : undefined;
  if (!isObject(value) || typeof name !== 'string') throw new Unfit(`lists a ${word} without a ${key}`);
  if (name.length > maxLength)
    throw new Unfit(`lists a ${word} whose ${key} is longer than ${maxLength} characters`);
  const unsafe = unsafeShape(value, MAX_SCHEMA);
  if (unsafe !== undefined) throw new Unfit(`lists the ${word} "${name}", whose definition ${unsafe}`);
  // The key was found to be a string just above.
  return { ...value, [key]: name } as Item<L>;
}
