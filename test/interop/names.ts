/** What stands before the names of tools and prompts, and before URIs. Both are empty save at the aggregate endpoint. */
export interface Names {
  readonly tool: string;
  readonly uri: string;
}

export const ownNames: Names = { tool: '', uri: '' };

/** An item of a list. */
export type Item = Readonly<Record<string, unknown>>;

/** Returns what a client calls the item by. */
export const nameOf = ({ name, uri, uriTemplate = uri }: Item): string =>
  JSON.stringify(uriTemplate ?? name).slice(1, -1);

/** Says whether an item belongs to the server whose names have these prefixes. */
export const isOf = (item: Item, names: Names): boolean =>
  nameOf(item).startsWith('uri' in item || 'uriTemplate' in item ? names.uri : names.tool);

/** Returns the text with the names that the server has. */
export const withoutPrefixes = (text: string, names: Names): string =>
  [names.tool, names.uri]
    .filter((prefix) => prefix !== '')
    .reduce((rest, prefix) => rest.replaceAll(prefix, ''), text);
