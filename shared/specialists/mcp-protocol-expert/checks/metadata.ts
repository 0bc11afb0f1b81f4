import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { META, metaOf } from '../../../gateway/protocol/versions.ts';
import { resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, each, failed, notApplicable, passed, type Subject } from './check.ts';
import { allItems, isAbsentOr, isString, results } from './look.ts';
import { isMetaKey, isReservedKey } from './metaKeys.ts';

const both = (section: string) => ({
  legacy: `2025-11-25/basic#${section}`,
  modern: `2026-07-28/basic#${section}`,
});
const ICONS = 'nothing has icons';

/** What the server says of itself; undefined where it says nothing. */
function serverInfoOf({ era, profile }: Transcript): unknown {
  return era === 'legacy' ? profile['serverInfo'] : metaOf(profile)[META.serverInfo];
}

const withMeta = (transcript: Transcript): readonly Subject<JsonObject>[] =>
  [...results(transcript), ...allItems(transcript)].filter(({ value }) => '_meta' in value);

function icons(transcript: Transcript): readonly Subject<unknown>[] {
  const info = serverInfoOf(transcript);
  return [...(isObject(info) ? [{ name: 'the server', value: info }] : []), ...allItems(transcript)].flatMap(
    ({ name, value }) => {
      if (!('icons' in value)) return [];
      const all = value['icons'];
      return (Array.isArray(all) ? (all as unknown[]) : [undefined]).map((icon) => ({ name, value: icon }));
    },
  );
}
const iconObjects = (transcript: Transcript): readonly Subject<JsonObject>[] =>
  icons(transcript).flatMap(({ name, value }) =>
    isObject(value) && isString(value['src']) ? [{ name, value }] : [],
  );

/** What a server says of itself and about its answers. */
export const metadataChecks: readonly Check[] = [
  {
    id: 'server_info_shape',
    spec: { legacy: '2025-11-25/basic/lifecycle#initialization', modern: '2026-07-28/basic#_meta' },
    severity: 'critical',
    requires: 'The server tells its name and its version, as strings.',
    remedy: 'Give both, also where there is only one version.',
    judge: (transcript: Transcript): Judgement => {
      if (!resultIn(transcript.opening)) return notApplicable('the first request was not answered');
      const info = serverInfoOf(transcript);
      if (info === undefined && transcript.era === 'modern') return notApplicable('it does not name itself');
      return isObject(info) && isString(info['name']) && isString(info['version'])
        ? passed()
        : failed('one of them is missing, or no string');
    },
  },
  {
    id: 'instructions_are_text',
    spec: {
      legacy: '2025-11-25/basic/lifecycle#initialization',
      modern: '2026-07-28/server/discover#discoverresult',
    },
    severity: 'critical',
    requires: 'instructions are a string, where there are any.',
    remedy: 'Write a string, or leave the field out.',
    judge: ({ profile: { instructions } }: Transcript): Judgement => {
      if (instructions === undefined) return notApplicable('it gives none');
      return isString(instructions) ? passed({ length: instructions.length }) : failed('they are no string');
    },
  },
  {
    id: 'meta_is_object',
    spec: both('_meta'),
    severity: 'critical',
    requires: '_meta is an object.',
    remedy: 'Write an object, or leave the field out.',
    judge: (transcript) =>
      each(withMeta(transcript), 'nothing has _meta', ({ _meta: meta }) =>
        isObject(meta) ? undefined : 'its _meta is no object',
      ),
  },
  {
    id: 'meta_key_form',
    spec: both('_meta'),
    since: '2025-06-18',
    severity: 'critical',
    requires: 'A key of _meta is a name, after a prefix of labels with dots and a slash.',
    remedy: 'Name the key as com.example/name.',
    judge: (transcript) =>
      each(withMeta(transcript), 'nothing has _meta', (value) =>
        Object.keys(metaOf(value)).every(isMetaKey) ? undefined : 'a key has another form',
      ),
  },
  {
    id: 'meta_keys_not_taken',
    spec: both('_meta'),
    since: '2025-06-18',
    severity: 'warning',
    requires: 'Prefixes that are kept for MCP are used only for what MCP defines.',
    remedy: 'Use a prefix of your own: the key may come to mean something else.',
    judge: (transcript) =>
      each(withMeta(transcript), 'nothing has _meta', (value) =>
        Object.keys(metaOf(value)).some(isReservedKey) ? 'a key has such a prefix' : undefined,
      ),
  },
  {
    id: 'icon_has_source',
    spec: both('icons'),
    since: '2025-11-25',
    severity: 'critical',
    requires: 'icons are an array of objects, each with a src.',
    remedy: 'Give each icon the address of its image.',
    judge: (transcript) =>
      each(icons(transcript), ICONS, (icon) =>
        isObject(icon) && isString(icon['src']) ? undefined : 'an icon has none',
      ),
  },
  {
    id: 'icon_source_is_safe',
    spec: both('icons'),
    since: '2025-11-25',
    severity: 'warning',
    requires: 'The src of an icon is a URL of https or http, or a data URI.',
    remedy: 'Serve the image over https, or put it into a data URI: clients refuse other schemes.',
    judge: (transcript) =>
      each(iconObjects(transcript), ICONS, ({ src }) =>
        /^(?:https?:\/\/|data:image\/)/i.test(String(src)) ? undefined : 'its src is another one',
      ),
  },
  {
    id: 'icon_details_shape',
    spec: both('icons'),
    since: '2025-11-25',
    severity: 'critical',
    requires:
      'sizes of an icon are an array of WxH or any, its theme is light or dark, its mimeType a string.',
    remedy: 'Correct the field, or leave it out.',
    judge: (transcript) =>
      each(iconObjects(transcript), ICONS, ({ sizes, theme, mimeType }) => {
        const isSize = (value: unknown) => isString(value) && /^(?:\d+x\d+|any)$/.test(value);
        return isAbsentOr((value) => Array.isArray(value) && value.every(isSize))(sizes) &&
          isAbsentOr((value) => value === 'light' || value === 'dark')(theme) &&
          isAbsentOr(isString)(mimeType)
          ? undefined
          : 'one of them has another form';
      }),
  },
];
