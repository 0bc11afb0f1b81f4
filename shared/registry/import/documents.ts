import * as z from 'zod';
import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { OFFICIAL_META } from '../serverJson/serverJson.ts';
import { isObject } from './entry.ts';

/** A server of a document, with its name there. Its entry is not validated yet. */
export type Candidate =
  | { readonly kind: 'client'; readonly name: string; readonly entry: unknown }
  | {
      readonly kind: 'document';
      readonly name: string;
      /** A ServerResponse of the official API. */
      readonly entry: object;
      readonly version: string;
      readonly publishedAt: string;
      readonly isDeleted: boolean;
    };

/** The paths at which clients keep their servers; `*` stands for every key. */
const PLACES: readonly (readonly string[])[] = [
  ['servers'], // mcp.json of VS Code and Visual Studio
  ['mcpServers'], // Claude, Cursor, Windsurf, Cline, Gemini, Copilot
  ['mcp_servers'], // Codex
  ['context_servers'], // Zed
  ['amp.mcpServers'], // Amp
  ['mcp', 'servers'], // settings.json of VS Code, OpenCode 2
  ['projects', '*', 'mcpServers'], // .claude.json of Claude Code
];
/** OpenCode 1 keeps its servers beside other settings that clients have under the same key. */
const MIXED_PLACE = 'mcp';

/** Returns all servers of a document in its order, or `undefined` for an unknown kind of document. */
export function candidatesOf(document: unknown): readonly Candidate[] | undefined {
  if (Array.isArray(document)) {
    const entries = entriesIn(document);
    return entries ? distinct(entries) : document.map(listed);
  }
  if (!isObject(document)) return undefined;
  const { servers, [MIXED_PLACE]: mixed } = document;
  const places = PLACES.flatMap((place) => valuesAt(document, place))
    .map(entriesIn)
    .filter((entries) => entries !== undefined);
  const more = isObject(mixed) ? entriesLike(mixed) : [];
  if (places.length > 0 || more.length > 0) return distinct([...places.flat(), ...more]);
  if (Array.isArray(servers)) return servers.map(listed);
  if ('name' in document || 'server' in document) return [listed(document, 0)];
  const bare = entriesLike(document);
  return bare.length > 0 && bare.length === Object.keys(document).length ? bare : undefined;
}

type Client = Extract<Candidate, { kind: 'client' }>;

function valuesAt(value: unknown, [key, ...rest]: readonly string[]): readonly unknown[] {
  if (key === undefined) return [value];
  if (!isObject(value)) return [];
  const found = key === '*' ? Object.values(value) : Object.hasOwn(value, key) ? [value[key]] : [];
  return found.flatMap((child) => valuesAt(child, rest));
}

/** Returns the entries of a map by name, or of a list whose items hold their names. */
function entriesIn(value: unknown): readonly Client[] | undefined {
  if (isObject(value)) return Object.entries(value).map(([name, entry]) => client(name, entry));
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  // The items of other lists are `server.json` documents.
  if (items.length === 0 || !items.every((item) => isObject(item) && isEntry(item))) return undefined;
  return items.filter(isObject).map((entry, index) => {
    const { name } = entry;
    return client(typeof name === 'string' && name !== '' ? name : `#${index + 1}`, entry);
  });
}

const client = (name: string, entry: unknown): Client => ({ kind: 'client', name, entry });

/** Returns the entries of a map that have a field of a client's entry. */
const entriesLike = (map: Readonly<Record<string, unknown>>): readonly Client[] =>
  Object.entries(map)
    .filter(([, entry]) => isObject(entry) && isEntry(entry))
    .map(([name, entry]) => client(name, entry));

const isEntry = (entry: Readonly<Record<string, unknown>>): boolean =>
  ['url', 'serverUrl', 'httpUrl', 'command'].some((field) => field in entry);

/** Numbers the names that different entries share, such as those of two projects. An entry that is repeated keeps its name. */
function distinct(entries: readonly Client[]): readonly Client[] {
  const taken = new Set(entries.map(({ name }) => name));
  const byName = new Map<string, { readonly known: Map<unknown, string>; number: number }>();
  return entries.map(({ name, entry }) => {
    const group = byName.get(name) ?? { known: new Map<unknown, string>(), number: 1 };
    byName.set(name, group);
    const { known } = group;
    const content = unsafeShape(entry, MESSAGE_BOUNDS) === undefined ? JSON.stringify(entry) : Symbol(name);
    let unique = known.get(content) ?? name;
    // The number only grows, so many entries of one name take linear time.
    while (known.size > 0 && !known.has(content) && taken.has(unique)) {
      group.number += 1;
      unique = `${name} ${group.number}`;
    }
    taken.add(unique);
    known.set(content, unique);
    return client(unique, entry);
  });
}

const headSchema = z.object({
  server: z.object({ name: z.string(), version: z.string().max(255).catch('') }),
  _meta: z
    .object({
      [OFFICIAL_META]: z.object({
        status: z.unknown().optional(),
        publishedAt: z.string().max(255).catch(''),
      }),
    })
    .optional()
    .catch(undefined),
});

/** Returns the candidate of a list item: a `server.json`, alone or in the envelope of a registry. */
function listed(value: unknown, position: number): Candidate {
  const entry = isObject(value) && 'server' in value ? value : { server: value };
  const head = headSchema.safeParse(entry);
  if (!head.success) {
    const name = `#${position + 1}`;
    return { kind: 'document', name, entry, version: '', publishedAt: '', isDeleted: false };
  }
  const { server, _meta } = head.data;
  const { publishedAt = '', status } = _meta?.[OFFICIAL_META] ?? {};
  return { kind: 'document', ...server, entry, publishedAt, isDeleted: status === 'deleted' };
}
