import { INVALID_PARAMS } from '../../../gateway/protocol/errorCodes.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { listKinds, listMethods, resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, each, failed, notApplicable, passed, type Subject } from './check.ts';
import { itemsOf, pages, refusedWith } from './look.ts';

const NONE = 'no list was answered';
const MAX_COMPARED = 2_000;
const paging = {
  legacy: '2025-11-25/server/utilities/pagination#response-format',
  modern: '2026-07-28/server/utilities/pagination#response-format',
};
const caching = { modern: '2026-07-28/server/utilities/caching#cacheable-results' };

/** Results that say how long they hold. */
function cacheable(transcript: Transcript): readonly Subject<Readonly<Record<string, unknown>>>[] {
  const discovered = resultIn(transcript.opening);
  return [...(discovered ? [{ name: 'server/discover', value: discovered }] : []), ...pages(transcript)];
}

/** Lists, their pages, and how long they may be kept. */
export const listChecks: readonly Check[] = [
  {
    id: 'list_is_array',
    spec: {
      legacy: '2025-11-25/server/tools#listing-tools',
      modern: '2026-07-28/server/tools#listing-tools',
    },
    severity: 'critical',
    requires: 'A page of a list holds an array of objects under the name of the list.',
    remedy: 'Answer with the array, also where it is empty.',
    judge: (transcript) =>
      each(
        listKinds.flatMap((kind) =>
          pages(transcript, [kind]).map((page) => ({ ...page, value: [kind, page.value] as const })),
        ),
        NONE,
        ([kind, result]) => {
          const items = result[kind];
          if (!Array.isArray(items)) return `it has no array ${kind}`;
          return items.every(isObject) ? undefined : 'an item is no object';
        },
      ),
  },
  {
    id: 'cursor_is_string',
    spec: paging,
    severity: 'critical',
    requires: 'nextCursor is a string, and missing on the last page.',
    remedy: 'Leave nextCursor out where there is no further page; null is not a cursor.',
    judge: (transcript) =>
      each(pages(transcript), NONE, (result) =>
        'nextCursor' in result && typeof result['nextCursor'] !== 'string'
          ? 'its cursor is no string'
          : undefined,
      ),
  },
  {
    id: 'pages_come_to_an_end',
    spec: paging,
    severity: 'critical',
    requires: 'Each page leads to the next one, and the last one to none.',
    remedy: 'Give each page a cursor of its own: a client that follows these would never end.',
    judge: ({ lists }) =>
      each(
        listKinds
          .filter((kind) => lists[kind].pages.length > 0)
          .map((kind) => ({ name: listMethods[kind].method, value: lists[kind] })),
        NONE,
        ({ end, pages: { length } }) =>
          end === 'looped' ? `after ${length} pages a cursor came again` : undefined,
      ),
  },
  {
    id: 'unknown_cursor_code',
    spec: {
      legacy: '2025-11-25/server/utilities/pagination#error-handling',
      modern: '2026-07-28/server/utilities/pagination#error-handling',
    },
    severity: 'warning',
    requires: `A cursor that the server did not give is refused with ${INVALID_PARAMS}.`,
    remedy: 'Check the cursor: a client with an outdated one must not be sent to the first page in silence.',
    judge: (transcript) => refusedWith(transcript, 'unknown cursor', [INVALID_PARAMS]),
  },
  {
    id: 'cache_time_told',
    spec: caching,
    severity: 'critical',
    requires: 'ttlMs tells how long a list or the discovery holds: a number of 0 or more.',
    remedy: 'Set ttlMs on these results; 0 where they should be asked for each time.',
    judge: (transcript) =>
      each(cacheable(transcript), NONE, ({ ttlMs }) =>
        typeof ttlMs === 'number' && ttlMs >= 0 ? undefined : 'its ttlMs is missing, or no such number',
      ),
  },
  {
    id: 'cache_scope_told',
    spec: caching,
    severity: 'critical',
    requires: 'cacheScope tells who may share a list or the discovery: public or private.',
    remedy: 'Set cacheScope on these results; private where it differs from caller to caller.',
    judge: (transcript) =>
      each(cacheable(transcript), NONE, ({ cacheScope }) =>
        cacheScope === 'public' || cacheScope === 'private'
          ? undefined
          : 'its cacheScope is missing, or neither',
      ),
  },
  {
    id: 'order_is_stable',
    spec: { modern: '2026-07-28/server/tools#capabilities' },
    severity: 'warning',
    requires: 'Tools come in the same order each time.',
    remedy: 'Sort the list: models keep what they have read only while it does not change.',
    judge: (transcript: Transcript): Judgement => {
      const again = resultIn(transcript.steps.get('list tools again'))?.['tools'];
      const [first] = pages(transcript, ['tools']);
      if (!Array.isArray(again) || !Array.isArray(first?.value['tools'])) return notApplicable(NONE);
      if (Math.max(again.length, first.value['tools'].length) > MAX_COMPARED)
        return notApplicable(`it lists more than ${MAX_COMPARED} tools`);
      const named = itemsOf(transcript, 'tools')
        .slice(0, first.value['tools'].length)
        .map(({ name }) => name);
      const now = (again as unknown[]).filter(isObject).map(({ name }) => String(name));
      if ([...named].sort().join('\n') !== [...now].sort().join('\n'))
        return notApplicable('the tools have changed meanwhile');
      return named.join('\n') === now.join('\n') ? passed() : failed('they came in another order');
    },
  },
];
