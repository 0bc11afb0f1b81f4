import { META, metaOf } from '../../../gateway/protocol/envelope.ts';
import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  allItems,
  both,
  type Check,
  each,
  failed,
  having,
  isAbsentOr,
  isString,
  type Judgement,
  legacy,
  modern,
  notApplicable,
  passed,
  results,
  type Select,
} from './check.ts';

const label = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const metaKey = new RegExp(
  `^(?:(?<prefix>${label}(?:\\.${label})*)/)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$`,
);

/** Returns whether a key of `_meta` is valid (2026-07-28, basic, `_meta`, Key name format). */
export const isMetaKey = (key: string): boolean => metaKey.test(key);

const definedKeys: ReadonlySet<string> = new Set([
  ...Object.values(META),
  'io.modelcontextprotocol/related-task',
  'io.modelcontextprotocol/ui',
]);

/** Returns whether a key has a prefix that is reserved for MCP, although MCP does not define the key. */
export function isReservedKey(key: string): boolean {
  const second = metaKey.exec(key)?.groups?.['prefix']?.split('.')[1];
  return (second === 'modelcontextprotocol' || second === 'mcp') && !definedKeys.has(key);
}

const ICONS = 'nothing has icons';

/** Returns the name and version that the server declares; undefined if it declares none. */
function serverInfoOf({ era, profile }: Transcript): unknown {
  return era === 'legacy' ? profile['serverInfo'] : metaOf(profile)[META.serverInfo];
}

const withMeta = having('_meta', results, allItems);

const icons: Select<unknown> = (transcript) => {
  const info = serverInfoOf(transcript);
  return [...(isObject(info) ? [{ name: 'the server', value: info }] : []), ...allItems(transcript)].flatMap(
    ({ name, value }) => {
      if (!('icons' in value)) return [];
      const all = value['icons'];
      return (Array.isArray(all) ? (all as unknown[]) : [undefined]).map((icon) => ({ name, value: icon }));
    },
  );
};
const iconObjects: Select<JsonObject> = (transcript) =>
  icons(transcript).flatMap(({ name, value }) =>
    isObject(value) && isString(value['src']) ? [{ name, value }] : [],
  );

/** What a server declares about itself and its answers. */
export const metadataChecks: readonly Check[] = [
  {
    id: 'server_info_shape',
    spec: { ...legacy('basic/lifecycle#initialization'), ...modern('basic#_meta') },
    severity: 'critical',
    requires: 'The server declares its name and its version, as strings.',
    remedy: 'Declare both, even if there is only one version.',
    judge: (transcript: Transcript): Judgement => {
      if (!resultIn(transcript.opening)) return notApplicable('the first request was not answered');
      const info = serverInfoOf(transcript);
      if (info === undefined && transcript.era === 'modern') return notApplicable('it does not name itself');
      return isObject(info) && isString(info['name']) && isString(info['version'])
        ? passed()
        : failed('one of them is missing, or is not a string');
    },
  },
  {
    id: 'instructions_are_text',
    spec: { ...legacy('basic/lifecycle#initialization'), ...modern('server/discover#discoverresult') },
    severity: 'critical',
    requires: 'instructions are a string, if there are any.',
    remedy: 'Write a string, or leave the field out.',
    judge: ({ profile: { instructions } }: Transcript): Judgement => {
      if (instructions === undefined) return notApplicable('it has none');
      return isString(instructions)
        ? passed({ length: instructions.length })
        : failed('they are not a string');
    },
  },
  {
    id: 'meta_is_object',
    spec: both('basic#_meta'),
    severity: 'critical',
    requires: '_meta is an object.',
    remedy: 'Write an object, or leave the field out.',
    judge: each(withMeta, 'nothing has _meta', ({ _meta: meta }) =>
      isObject(meta) ? undefined : 'its _meta is not an object',
    ),
  },
  {
    id: 'meta_key_form',
    spec: both('basic#_meta'),
    since: '2025-06-18',
    severity: 'critical',
    requires: 'A key of _meta is a name after an optional prefix: labels with dots, and a slash.',
    remedy: 'Name the key as com.example/name.',
    judge: each(withMeta, 'nothing has _meta', (value) =>
      Object.keys(metaOf(value)).every(isMetaKey) ? undefined : 'a key is not valid',
    ),
  },
  {
    id: 'meta_keys_not_taken',
    spec: both('basic#_meta'),
    since: '2025-06-18',
    severity: 'warning',
    requires: 'Prefixes that are reserved for MCP are used only for keys that MCP defines.',
    remedy: 'Use your own prefix: a later revision may give the key another meaning.',
    judge: each(withMeta, 'nothing has _meta', (value) =>
      Object.keys(metaOf(value)).some(isReservedKey) ? 'a key has such a prefix' : undefined,
    ),
  },
  {
    id: 'icon_has_source',
    spec: both('basic#icons'),
    since: '2025-11-25',
    severity: 'critical',
    requires: 'icons are an array of objects, each with a src.',
    remedy: 'Give each icon the address of its image.',
    judge: each(icons, ICONS, (icon) =>
      isObject(icon) && isString(icon['src']) ? undefined : 'an icon has none',
    ),
  },
  {
    id: 'icon_source_is_safe',
    spec: both('basic#icons'),
    since: '2025-11-25',
    severity: 'warning',
    requires: 'The src of an icon is a URL of https or http, or a data URI.',
    remedy: 'Serve the image over https, or put it into a data URI: clients refuse other schemes.',
    judge: each(iconObjects, ICONS, ({ src }) =>
      /^(?:https?:\/\/|data:image\/)/i.test(String(src)) ? undefined : 'its src is another URL',
    ),
  },
  {
    id: 'icon_details_shape',
    spec: both('basic#icons'),
    since: '2025-11-25',
    severity: 'critical',
    requires:
      'sizes of an icon are an array of WxH or any, its theme is light or dark, its mimeType a string.',
    remedy: 'Correct the field, or leave it out.',
    judge: each(iconObjects, ICONS, ({ sizes, theme, mimeType }) => {
      const isSize = (value: unknown) => isString(value) && /^(?:\d+x\d+|any)$/.test(value);
      return isAbsentOr((value) => Array.isArray(value) && value.every(isSize))(sizes) &&
        isAbsentOr((value) => value === 'light' || value === 'dark')(theme) &&
        isAbsentOr(isString)(mimeType)
        ? undefined
        : 'one of them has another type or value';
    }),
  },
];
