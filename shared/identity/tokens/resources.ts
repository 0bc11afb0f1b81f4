import { decodeJwt } from 'jose';
import * as z from 'zod';
import type { Config } from '../../platform/config/config.ts';

type Origins = Pick<Config, 'publicOrigin' | 'managementOrigin'>;

/** What a token of the gateway's own can be for (RFC 8707): one MCP endpoint, or the management API. */
export interface Resource {
  /** The only value of the claim `aud`. */
  readonly url: string;
  /** The tenant that the URL of an MCP endpoint names, in small letters. */
  readonly tenant?: string;
}

const GUID = z.regexes.guid;

/**
 * Returns what people of a tenant add to the URL of an MCP endpoint, if the query names one tenant as `?tenant={id}`. `malformed`
 * if it names something else.
 */
export function hintIn(
  query: URLSearchParams,
): { readonly hint: string; readonly tenant?: string } | 'malformed' {
  if (!query.has('tenant')) return { hint: '' };
  const [id = '', ...more] = query.getAll('tenant');
  if (more.length > 0 || !GUID.test(id)) return 'malformed';
  return { hint: `?tenant=${id}`, tenant: id.toLowerCase() };
}

/** Returns the resource at a path of the mcp app, for a request with this query. */
export function resourceAt(publicOrigin: string, path: string, query: URLSearchParams): string {
  const named = hintIn(query);
  return `${publicOrigin}/${path}${named === 'malformed' ? '' : named.hint}`;
}

/** The endpoint of all servers: the resource of a request that names none. */
export const defaultResource = ({ publicOrigin }: Pick<Origins, 'publicOrigin'>): string =>
  `${publicOrigin}/mcp`;

const ENDPOINT = /^\/(?:mcp|(?:servers|toolsets)\/[\w-]{1,200}\/mcp)$/;

/**
 * Returns the resource that a client asks for: the endpoint of all servers where it names none, and `undefined` for a URL that no
 * endpoint has. No server or toolset of the name need exist.
 */
export function resourceOf(
  asked: string | undefined,
  { publicOrigin, managementOrigin }: Origins,
): Resource | undefined {
  if (asked === undefined) return { url: defaultResource({ publicOrigin }) };
  // Clients write the path of an origin as a slash (RFC 3986, section 6.2.3).
  if (asked === managementOrigin || asked === `${managementOrigin}/`) return { url: managementOrigin };
  const url = URL.parse(asked);
  if (url === null || !ENDPOINT.test(url.pathname)) return undefined;
  const named = hintIn(url.searchParams);
  if (named === 'malformed' || asked !== `${publicOrigin}${url.pathname}${named.hint}`) return undefined;
  return { url: asked, ...(named.tenant !== undefined && { tenant: named.tenant }) };
}

/** Returns the resource that an unverified token of the gateway's own is for; `undefined` for any other token, such as one of Entra. */
export function resourceIn(token: string, origins: Origins): string | undefined {
  try {
    const { aud } = decodeJwt(token);
    return typeof aud === 'string' ? resourceOf(aud, origins)?.url : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the resource at which a kept token is verified: its own, or, for a token that is for every endpoint, the default. */
export const resourceOfToken = (token: string, origins: Origins): string =>
  resourceIn(token, origins) ?? defaultResource(origins);
