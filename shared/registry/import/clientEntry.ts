import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { checkOutboundUrl } from '../../platform/security/addressRules.ts';
import type { UpstreamSettings } from '../records/upstreamSettings.ts';
import { holdsHidden, secretsNamedIn } from '../secrets/urlSecrets.ts';
import { readBridge } from './bridges.ts';
import { type Entry, isObject } from './entry.ts';
import { readEntryHeaders } from './entryHeaders.ts';

/** What a client's entry gives to a registration. */
export interface ImportedEntry {
  readonly url: string;
  readonly upstream?: UpstreamSettings;
  /** The client does not use the server now. */
  readonly disabled?: true;
}

type Skipped = { readonly reason: string };

/** The fields in which clients keep the URL. Gemini has the older transport under `url` beside `httpUrl`. */
const URL_FIELDS = ['httpUrl', 'http_url', 'url', 'serverUrl', 'server_url', 'baseUrl', 'uri'];
const TRANSPORT_FIELDS = ['type', 'transport', 'transportType', 'transport_type'];

/** How clients spell the transports, in lower case without punctuation. The gateway detects itself which HTTP transport it is. */
const TRANSPORTS: ReadonlyMap<string, 'http' | 'program'> = new Map([
  ...['http', 'https', 'streamablehttp', 'streamable', 'httpstream', 'sse', 'httpsse', 'remote', 'url'].map(
    (spelling) => [spelling, 'http'] as const,
  ),
  ...['stdio', 'local', 'command'].map((spelling) => [spelling, 'program'] as const),
]);

const PROGRAM =
  'runs as a program beside its client (stdio): the gateway reaches servers by a URL over HTTP, so register one that it has';

/** Returns what an entry gives to a registration, or the reason to skip it. No reason holds the value of a header. */
export function readClientEntry(value: unknown): ImportedEntry | Skipped {
  const unsafe = unsafeShape(value, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return { reason: unsafe };
  if (!isObject(value)) return { reason: 'is not an entry of an mcp.json' };
  const place = placeOf(isObject(value['transport']) ? { ...value, ...value['transport'] } : value);
  if ('reason' in place) return place;
  const read = readEntryHeaders(value, place.headers);
  if ('reason' in read) return read;
  const checked = checkImportUrl(place.url);
  if ('reason' in checked) return checked;
  return {
    ...checked,
    ...(Object.keys(read.headers).length > 0 && { upstream: { headers: read.headers } }),
    ...(isDisabled(value) && { disabled: true as const }),
  };
}

const isDisabled = ({ disabled, enabled, isActive }: Entry): boolean =>
  disabled === true || enabled === false || isActive === false;

/** Returns the URL of the server, and the headers that a bridge adds. */
function placeOf(entry: Entry): { url: string; headers?: Readonly<Record<string, string>> } | Skipped {
  const spelling = TRANSPORT_FIELDS.map((field) => entry[field]).find((said) => said != null);
  const transport =
    typeof spelling === 'string'
      ? TRANSPORTS.get(spelling.toLowerCase().replace(/[^a-z]/g, ''))
      : spelling === undefined
        ? 'unsaid'
        : undefined;
  const url = URL_FIELDS.map((field) => entry[field]).find((said) => said != null && said !== '');
  const command = commandOf(entry);
  if (command.length > 0 && (transport === 'program' || url === undefined))
    return readBridge(command) ?? { reason: PROGRAM };
  if (transport === 'program') return { reason: PROGRAM };
  if (transport === undefined) return { reason: 'has a type that is not http, sse or stdio' };
  if (url === undefined) return { reason: 'has no url' };
  return typeof url === 'string' ? { url: url.trim() } : { reason: 'has a url that is not a text' };
}

/** Returns the command line of a program. OpenCode has one list for all of it, and older versions of Zed an object. */
function commandOf({ command, args }: Entry): readonly string[] {
  const parts = isObject(command) ? [command['path'], command['args']] : [command, args];
  return parts
    .flat()
    .filter((word) => typeof word === 'string' && word !== '')
    .map(String);
}

/** Returns an imported URL, or why it cannot be registered. The registration checks whether the gateway may call it. */
export function checkImportUrl(url: string): { readonly url: string } | Skipped {
  if (/[{}<>]|\$[A-Z_]/.test(url))
    return { reason: 'has a url with a placeholder, which only its client can fill in: give the whole URL' };
  const checked = checkOutboundUrl(url, 'private_allowed');
  if (!checked.ok) return { reason: `has a url that ${checked.error.message}` };
  // The parsed URL has no tabs and line breaks, which could hide the name of a parameter.
  const { href } = checked.value;
  if (secretsNamedIn(href).length > 0 || holdsHidden(href))
    return {
      reason:
        'has a secret in its url: no secret is imported, so register the server by itself, which seals its URL',
    };
  return { url: href };
}
