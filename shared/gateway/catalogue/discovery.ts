import type { Clock } from '../../platform/base/clock.ts';
import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import { unsafeShape } from '../../platform/base/json.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import {
  MAX_DEFINITION,
  MAX_DISCOVERY_LENGTH,
  MAX_LIST_ITEMS,
  MAX_LIST_PAGES,
  MAX_NAME_LENGTH,
  MAX_URI_LENGTH,
} from '../protocol/limits.ts';
import { faultErrors, UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import { openServer } from '../upstream/openServer.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { Ask } from '../upstream/upstreamEra.ts';

/** The lists of a record: their method, the key and the name of an item, and the greatest length of the key. */
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
 * Discovers a server: its era and revision, its capabilities and its lists. The message of a failure is for the person who
 * registered the server. Ends the session that it opened.
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

/** The room that a record has left for the lists of its server. */
interface Room {
  take(item: unknown): void;
  left: number;
}

function roomBeside(profile: object): Room {
  const room: Room = {
    left: MAX_DISCOVERY_LENGTH,
    take(item) {
      room.left -= JSON.stringify(item).length;
      if (room.left < 0)
        throw new UnsuitableServer(
          `describes itself and its tools in more than ${MAX_DISCOVERY_LENGTH / 1024} KiB of JSON`,
        );
    },
  };
  room.take(profile);
  return room;
}

/** Returns `undefined` for a list that does not fit. The gateway then asks the server for it on demand. */
async function listIfFit<L extends List>(ask: Ask, list: L, room: Room): Promise<Item<L>[] | undefined> {
  const before = room.left;
  try {
    return await listAll(ask, list, room);
  } catch (error) {
    if (!(error instanceof UnsuitableServer || error instanceof UpstreamFault)) throw error;
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
    if (pages === MAX_LIST_PAGES)
      throw new UnsuitableServer(`lists its ${word}s in more than ${MAX_LIST_PAGES} pages`);
    pages += 1;
    const page = await ask(method, cursor === undefined ? {} : { cursor });
    const items = page[fieldOf(list)];
    if (!Array.isArray(items)) throw new UnsuitableServer(`answered ${method} without a list of ${word}s`);
    for (const value of items as unknown[]) {
      const item = toItem(list, value);
      const name = item[list.key as L['key']];
      if (found.has(name)) throw new UnsuitableServer(`lists the ${word} "${name}" twice`);
      found.set(name, item);
      if (found.size > MAX_LIST_ITEMS)
        throw new UnsuitableServer(`offers more than ${MAX_LIST_ITEMS} ${word}s`);
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
  if (!isObject(value) || typeof name !== 'string')
    throw new UnsuitableServer(`lists a ${word} without a ${key}`);
  if (name.length > maxLength)
    throw new UnsuitableServer(`lists a ${word} whose ${key} is longer than ${maxLength} characters`);
  const unsafe = unsafeShape(value, MAX_DEFINITION);
  if (unsafe !== undefined)
    throw new UnsuitableServer(`lists the ${word} "${name}", whose definition ${unsafe}`);
  // The key is a string, as checked above.
  return { ...value, [key]: name } as Item<L>;
}

/** What the administrator can do about each kind of fault. */
const advice: Readonly<Partial<Record<UpstreamFault['kind'], string>>> = {
  unreachable: 'Is it running, and is the URL right?',
  timeout: 'Is it running, and not overloaded? Then register it again.',
  credentials_wanted:
    'It needs sign-in: name a credential in upstream.headers, or check the one that is named there.',
  not_mcp: 'Does the URL end in the path of its MCP endpoint, often /mcp?',
};

/** Explains a failed discovery to the person who registered the server. @throws every other error */
function explainFailure(error: unknown): DomainError {
  if (error instanceof UnsuitableServer) return { kind: 'invalid', message: `The server ${error.message}.` };
  if (!(error instanceof UpstreamFault)) throw error;
  const { message, said } = error;
  const sentences = [
    `The server ${message}.`,
    said?.reason === undefined ? undefined : `It says: "${said.reason}".`,
    advice[error.kind] ?? statusAdvice(error.status),
    said?.tried === undefined ? undefined : `Tried: ${said.tried.join(', ')}.`,
  ];
  return {
    kind: kindOf(error),
    message: sentences.filter((sentence) => sentence !== undefined).join(' '),
  };
}

function statusAdvice(status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  if (status >= 500) return 'Look at its own log, then register it again.';
  if (status >= 300 && status < 400) return 'Register the URL that it redirects to.';
  return advice.not_mcp;
}

/** A retry can help when the server did not answer. When it answered, its registration must change. */
function kindOf({ kind, status }: UpstreamFault): ErrorKind {
  if (kind === 'not_mcp' || kind === 'address_refused' || kind === 'credentials_wanted') return 'invalid';
  if (kind === 'http_status' && (status ?? 0) < 500) return 'invalid';
  return faultErrors[kind];
}
