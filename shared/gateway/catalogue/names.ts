import { createHash } from 'node:crypto';
import { isId } from '../../platform/base/ids.ts';

/** A tool or a prompt of one server, by the server's own name for it. */
export interface Address {
  readonly slug: string;
  readonly name: string;
}

/** The characters that the APIs of all models accept. The protocol allows a dot too (server/tools, Tool Names). */
const legal = /^[A-Za-z0-9_-]+$/;
const illegal = /[^A-Za-z0-9_-]/g;
const separator = '__';
/** What models' own interfaces take; the protocol would allow 128. */
const MAX_LENGTH = 64;
/** 50 bits of a hash: two names of one server do not meet by chance, and nobody gains by making his own two meet. */
const HASH_LENGTH = 10;
const hashed = new RegExp(`__x[0-9a-v]{${HASH_LENGTH}}$`);

/**
 * The name of a server's tool or prompt on the aggregate endpoint, `{slug}__{name}`. No two addresses share one, since a slug
 * holds no `_`. What is too long for some client, or holds a letter that clients need not accept, is named by what can be kept of
 * it and a hash of the whole: it depends on the address alone, so it stays the same whatever else there is, and look-alikes
 * differ. Upper and lower case are two names.
 */
export function aggregateName({ slug, name }: Address): string {
  const plain = slug + separator + name;
  // A plain name must not look as if it had a hash: such a one gets another.
  const isPlain = name !== '' && plain.length <= MAX_LENGTH && legal.test(name) && !hashed.test(plain);
  if (isPlain) return plain;
  const suffix = `__x${hashOf(name)}`;
  const room = MAX_LENGTH - slug.length - separator.length - suffix.length;
  return slug + separator + name.replace(illegal, '_').slice(0, room) + suffix;
}

/** The slug in an aggregate name; undefined where there is none. */
export function slugIn(name: string): string | undefined {
  const at = name.indexOf(separator);
  const slug = name.slice(0, at);
  return at > 0 && at + separator.length < name.length && isId(slug) ? slug : undefined;
}

/** Of a server's tools or prompts the one that an aggregate name stands for. */
export function findNamed<T extends { readonly name: string }>(
  items: readonly T[],
  slug: string,
  name: string,
): T | undefined {
  // Most names are plain, and those need no hash to be told apart.
  if (name.length <= MAX_LENGTH && hashed.test(name))
    return items.find((item) => aggregateName({ slug, name: item.name }) === name);
  if (!name.startsWith(slug + separator)) return undefined;
  const own = name.slice(slug.length + separator.length);
  return items.find((item) => item.name === own);
}

/** Base 32 of the first bits of SHA-256, over UTF-16, in which any two texts differ. */
function hashOf(text: string): string {
  const bits = createHash('sha256').update(text, 'utf16le').digest().readBigUInt64BE() >> 14n;
  return bits.toString(32).padStart(HASH_LENGTH, '0');
}

const prefix = 'mcp+';
/** Hosts of MCP Apps show resources with this scheme only, so it stays in front. */
const APP_SCHEME = 'ui://';

/**
 * The URI of a server's resource on the aggregate endpoint: `mcp+{slug}+{uri}`, and for the page of an app
 * `ui://mcp+{slug}+{rest}`. Both are legal URIs, and a template stays a template. No two addresses share one, because a slug
 * has no `+`.
 */
export const aggregateUri = (slug: string, uri: string): string =>
  uri.startsWith(APP_SCHEME)
    ? `${APP_SCHEME}${prefix}${slug}+${uri.slice(APP_SCHEME.length)}`
    : `${prefix}${slug}+${uri}`;

/** Returns the parts of an aggregate URI, or `undefined` for any other text. */
export function parseAggregateUri(text: string): { readonly slug: string; readonly uri: string } | undefined {
  const scheme = text.startsWith(APP_SCHEME) ? APP_SCHEME : '';
  const named = text.slice(scheme.length);
  const end = named.indexOf('+', prefix.length);
  if (!named.startsWith(prefix) || end <= prefix.length) return undefined;
  const slug = named.slice(prefix.length, end);
  const uri = scheme + named.slice(end + 1);
  return isId(slug) && uri !== '' ? { slug, uri } : undefined;
}
