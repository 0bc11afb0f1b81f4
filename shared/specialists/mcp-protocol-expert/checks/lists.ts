import { INVALID_PARAMS } from '../../../gateway/protocol/errorCodes.ts';
import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { listKinds, listMethods, resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  both,
  type Check,
  each,
  failed,
  items,
  type Judgement,
  modern,
  notApplicable,
  pages,
  pagesOf,
  passed,
  refusesWith,
  type Select,
} from './check.ts';

const NONE = 'no list was answered';
const MAX_COMPARED = 2_000;
const paging = both('server/utilities/pagination#response-format');
const caching = modern('server/utilities/caching#cacheable-results');

/** Selects the results that must say how long they may be cached. */
const cacheable: Select<JsonObject> = (transcript) => {
  const discovered = resultIn(transcript.opening);
  return [...(discovered ? [{ name: 'server/discover', value: discovered }] : []), ...pages(transcript)];
};

/** Lists, their pages, and how long they may be cached. */
export const listChecks: readonly Check[] = [
  {
    id: 'list_is_array',
    spec: both('server/tools#listing-tools'),
    severity: 'critical',
    requires: 'A page of a list holds an array of objects under the name of the list.',
    remedy: 'Answer with the array, even if it is empty.',
    judge: each(
      (transcript) =>
        listKinds.flatMap((kind) =>
          pagesOf(transcript, kind).map((page) => ({ ...page, value: [kind, page.value] as const })),
        ),
      NONE,
      ([kind, result]) => {
        const list = result[kind];
        if (!Array.isArray(list)) return `it has no array ${kind}`;
        return list.every(isObject) ? undefined : 'an item is not an object';
      },
    ),
  },
  {
    id: 'cursor_is_string',
    spec: paging,
    severity: 'critical',
    requires: 'nextCursor is a string, and missing on the last page.',
    remedy: 'Leave nextCursor out on the last page. null is not a cursor.',
    judge: each(pages, NONE, (result) =>
      'nextCursor' in result && typeof result['nextCursor'] !== 'string'
        ? 'its cursor is not a string'
        : undefined,
    ),
  },
  {
    id: 'pages_come_to_an_end',
    spec: paging,
    severity: 'critical',
    requires: 'Each page leads to the next one, and the last page to none.',
    remedy: 'Give each page its own cursor: a client that follows the same cursor again never ends.',
    judge: each(
      ({ lists }) =>
        listKinds
          .filter((kind) => lists[kind].pages.length > 0)
          .map((kind) => ({ name: listMethods[kind].method, value: lists[kind] })),
      NONE,
      ({ end, pages: { length } }) =>
        end === 'looped' ? `after ${length} pages a cursor was repeated` : undefined,
    ),
  },
  {
    id: 'unknown_cursor_code',
    spec: both('server/utilities/pagination#error-handling'),
    severity: 'warning',
    requires: `A cursor that the server did not give is refused with ${INVALID_PARAMS}.`,
    remedy: 'Check the cursor: a client with an outdated cursor must get an error, not the first page.',
    judge: refusesWith('unknown cursor', INVALID_PARAMS),
  },
  {
    id: 'cache_time_told',
    spec: caching,
    severity: 'critical',
    requires: 'ttlMs says how long a list or the discovery may be cached: a number of 0 or more.',
    remedy: 'Set ttlMs on these results; 0 if they must not be cached.',
    judge: each(cacheable, NONE, ({ ttlMs }) =>
      typeof ttlMs === 'number' && ttlMs >= 0 ? undefined : 'its ttlMs is missing, or is not such a number',
    ),
  },
  {
    id: 'cache_scope_told',
    spec: caching,
    severity: 'critical',
    requires: 'cacheScope says who may share a cached list or discovery: public or private.',
    remedy: 'Set cacheScope on these results; private if callers get different results.',
    judge: each(cacheable, NONE, ({ cacheScope }) =>
      cacheScope === 'public' || cacheScope === 'private'
        ? undefined
        : 'its cacheScope is missing, or neither',
    ),
  },
  {
    id: 'order_is_stable',
    spec: modern('server/tools#capabilities'),
    severity: 'warning',
    requires: 'Tools are listed in the same order each time.',
    remedy: 'Sort the list: the prompt cache of a model only works while the text does not change.',
    judge: (transcript: Transcript): Judgement => {
      const again = resultIn(transcript.steps.get('list tools again'))?.['tools'];
      const [first] = pagesOf(transcript, 'tools');
      if (!Array.isArray(again) || !Array.isArray(first?.value['tools'])) return notApplicable(NONE);
      if (Math.max(again.length, first.value['tools'].length) > MAX_COMPARED)
        return notApplicable(`it lists more than ${MAX_COMPARED} tools`);
      const named = items('tools')(transcript)
        .slice(0, first.value['tools'].length)
        .map(({ name }) => name);
      const now = (again as unknown[]).filter(isObject).map(({ name }) => String(name));
      if ([...named].sort().join('\n') !== [...now].sort().join('\n'))
        return notApplicable('the tools changed between the two requests');
      return named.join('\n') === now.join('\n') ? passed() : failed('the second list has another order');
    },
  },
];
