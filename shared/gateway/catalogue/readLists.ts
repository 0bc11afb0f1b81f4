import { isDeepStrictEqual } from 'node:util';
import { isExactNumber } from '../../platform/base/exactJson.ts';
import type { LeftOut } from '../../registry/records/server.ts';
import { METHOD_NOT_FOUND } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { MAX_LEFT_OUT, MAX_LIST_ITEMS, MAX_LIST_PAGES } from '../protocol/limits.ts';
import { RefusedRequest, UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import type { OpenServer } from '../upstream/upstreamEra.ts';
import { readItem } from './readItem.ts';
import type { Room } from './room.ts';
import { type ListKind, LISTS } from './view.ts';

const methods = new Map([...LISTS].map(([method, kind]) => [kind, method]));

type ListedServer = Pick<OpenServer, 'ask' | 'endsWithEmptyCursor'>;

/** What a server lists, as far as the gateway can offer it. */
export interface FoundList {
  readonly items: readonly JsonObject[];
  readonly leftOut: readonly LeftOut[];
  /** Whether the gateway stopped before the end of the list, at one of its limits. */
  readonly isCut: boolean;
  /** Whether it stopped there because the time ended. */
  readonly isLate?: boolean;
}

/**
 * Reads a list of a server to its end, or up to a limit of the gateway. When the time ends after the first page, the list is cut
 * there. @throws UpstreamFault, UnsuitableServer
 */
export async function readList(
  { ask, endsWithEmptyCursor }: ListedServer,
  list: ListKind,
  room: Room,
): Promise<FoundList> {
  const method = methods.get(list) ?? '';
  const found = new Map<string, JsonObject>();
  const leftOut: LeftOut[] = [];
  let position = 0;
  const cut = (what: string, isLate = false): FoundList => {
    const reason = `the server lists more than ${what}, and the gateway leaves out the rest`;
    return { items: [...found.values()], leftOut: [{ list, reason }, ...leftOut], isCut: true, isLate };
  };
  const cursors = new Set<string>();
  for (let cursor: string | undefined, pages = 1; ; pages++) {
    const page = await ask(method, cursor === undefined ? {} : { cursor }).catch((error: unknown) => {
      if (pages > 1 && error instanceof UpstreamFault && error.kind === 'timeout') return undefined;
      throw error;
    });
    if (page === undefined) return cut(`the ${pages - 1} pages that it gave in time`, true);
    const items = itemsOf(page[list]);
    if (items === undefined) throw new UnsuitableServer(`answered ${method} without a list`);
    let isNew = items.length === 0;
    for (const value of items) {
      const read = readItem(list, value, position);
      position += 1;
      const known = 'key' in read ? found.get(read.key) : undefined;
      if ('key' in read && known !== undefined) {
        // A server whose cursor does not advance gives the same items again.
        if (isDeepStrictEqual(known, read.item)) continue;
        leftOut.push({ list, item: read.key, reason: 'is listed more than once; the first one counts' });
      } else if ('key' in read) {
        if (found.size === MAX_LIST_ITEMS) return cut(`${MAX_LIST_ITEMS} items`);
        if (!room.take(read.item)) return cut('a record has room for');
        found.set(read.key, read.item);
        leftOut.push(...read.leftOut);
      } else leftOut.push(...read.leftOut);
      isNew = true;
    }
    cursor = cursorIn(page, endsWithEmptyCursor);
    if (cursor === undefined || cursors.has(cursor) || !isNew)
      return { items: [...found.values()], leftOut, isCut: false };
    if (pages === MAX_LIST_PAGES) return cut(`${MAX_LIST_PAGES} pages`);
    cursors.add(cursor);
  }
}

/** Some languages write an empty list as an empty map, or as null. */
function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  return value === null || (isObject(value) && Object.keys(value).length === 0) ? [] : undefined;
}

function cursorIn({ nextCursor }: JsonObject, endsWithEmptyCursor: boolean): string | undefined {
  if (isExactNumber(nextCursor)) return nextCursor.rawJSON;
  if (typeof nextCursor === 'number') return String(nextCursor);
  if (typeof nextCursor !== 'string' || (nextCursor === '' && endsWithEmptyCursor)) return undefined;
  return nextCursor;
}

/**
 * Reads a list that a record may lack. The gateway asks the server for such a list on demand, at the server's own endpoint.
 * Returns the reason in `leftOut` alone when the list cannot be read, or is longer than the limits of the gateway.
 */
export async function readListIfFit(
  server: ListedServer,
  list: ListKind,
  room: Room,
): Promise<Omit<FoundList, 'items'> & { readonly items?: readonly JsonObject[] }> {
  const giveBack = room.mark();
  const without = (reason: string) => ({ leftOut: [{ list, reason }], isCut: true });
  try {
    const found = await readList(server, list, room);
    if (!found.isCut) return found;
    giveBack();
    return without(
      'the list is longer than a record has room for: only the endpoint of the server itself has it',
    );
  } catch (error) {
    if (!(error instanceof UnsuitableServer || error instanceof UpstreamFault)) throw error;
    giveBack();
    // Many servers with resources know no templates.
    if (error instanceof RefusedRequest && error.code === METHOD_NOT_FOUND)
      return { leftOut: [], isCut: true };
    return without(`the server ${error.message}: only the endpoint of the server itself has the list`);
  }
}

/** Returns a page of a list as clients can read it, for a list that the gateway forwards. */
export function repairPage(list: ListKind, page: JsonObject): JsonObject {
  const { nextCursor: _sent, ...rest } = page;
  const nextCursor = cursorIn(page, false);
  const items = (itemsOf(page[list]) ?? []).flatMap((value, index) => {
    const read = readItem(list, value, index);
    return 'item' in read ? [read.item] : [];
  });
  return { ...rest, [list]: items, ...(nextCursor !== undefined && { nextCursor }) };
}

/** Returns the entries that a record keeps, of which the last counts the others. */
export function boundLeftOut(leftOut: readonly LeftOut[]): LeftOut[] {
  const others = leftOut.slice(MAX_LEFT_OUT);
  const [first] = others;
  if (first === undefined) return [...leftOut];
  const reason = `${others.length} more entries are not shown`;
  return [...leftOut.slice(0, MAX_LEFT_OUT), { list: first.list, reason }];
}
