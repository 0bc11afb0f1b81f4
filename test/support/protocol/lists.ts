import type { Json } from './offers.ts';

const lists: Readonly<Record<string, string>> = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
};
const PAGE = 2;

/** A page of a list; undefined where the method asks for none. */
export function listPage(
  rpc: string,
  { cursor }: Json,
  offers: Record<string, Json[]>,
): Json | 'unknown cursor' | undefined {
  const kind = lists[rpc];
  if (kind === undefined) return undefined;
  if (cursor !== undefined && cursor !== 'second') return 'unknown cursor';
  const all = offers[kind] ?? [];
  const from = cursor === undefined ? 0 : PAGE;
  return {
    [kind]: all.slice(from, from + PAGE),
    ...(from + PAGE < all.length && { nextCursor: 'second' }),
  };
}
