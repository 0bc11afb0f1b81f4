/** A tool of one server, by the server's own name for it. */
export interface ToolAddress {
  readonly slug: string;
  readonly tool: string;
}

/** What clients accept as a tool name (2026-07-28 and 2025-11-25, server/tools, Tool Names). */
const legal = /^[A-Za-z0-9_.-]{1,128}$/;
const separator = '__';

/**
 * The name of a server's tool on the aggregate endpoint. No two addresses share a name, since a slug holds no `_`.
 * Undefined when the name would be longer than 128 characters or hold a character that clients need not accept: such a
 * tool is left out of the catalogue, since shortening would make names collide or change from one list to the next.
 */
export function aggregateName({ slug, tool }: ToolAddress): string | undefined {
  const name = slug + separator + tool;
  return tool !== '' && legal.test(name) ? name : undefined;
}

/** Takes a name apart at its first `__`; undefined when no address has that name. */
export function parseAggregateName(name: string): ToolAddress | undefined {
  const at = name.indexOf(separator);
  if (at < 1 || at + separator.length === name.length || !legal.test(name)) return undefined;
  return { slug: name.slice(0, at), tool: name.slice(at + separator.length) };
}
