import { createHash } from 'node:crypto';
import { canonicalJson } from '../../platform/base/canonicalJson.ts';
import type { Discovery } from './server.ts';

/** SHA-256 of all that a server says of an item: another one means that what a model is told of it has changed. */
export const itemHash = (item: object): string =>
  createHash('sha256').update(canonicalJson(item)).digest('base64url');

/** What a server offers, and by which field each list names its items. */
const keys = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' } as const;
export const offers = [
  'tools',
  'prompts',
  'resources',
  'resourceTemplates',
] as const satisfies readonly (keyof typeof keys)[];
export type Offer = (typeof offers)[number];

/** Names of the items that differ between two lists. */
export interface ListChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What differs between two discoveries of a server, list by list. A list that was not kept counts as empty. */
export const discoveryChanges = (
  before: Discovery | undefined,
  after: Discovery,
): Readonly<Record<Offer, ListChanges>> => ({
  tools: listChanges('tools', before, after),
  prompts: listChanges('prompts', before, after),
  resources: listChanges('resources', before, after),
  resourceTemplates: listChanges('resourceTemplates', before, after),
});

function listChanges(offer: Offer, before: Discovery | undefined, after: Discovery): ListChanges {
  const hashes = (discovery: Discovery | undefined) =>
    new Map((discovery?.[offer] ?? []).map((item) => [String(item[keys[offer]]), itemHash(item)]));
  const [old, now] = [hashes(before), hashes(after)];
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: [...now].filter(([name, hash]) => old.has(name) && old.get(name) !== hash).map(([name]) => name),
  };
}
