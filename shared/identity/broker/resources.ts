import * as z from 'zod';
import type { Config } from '../../platform/config/config.ts';

/** An endpoint of the gateway that tokens can be for. */
export interface Resource {
  /** The audience of its tokens. */
  readonly url: string;
  /** The tenant that the URL names: nobody of another tenant gets a token for it. */
  readonly tenant?: string;
}

const endpoint = /^\/(?:mcp|(?:servers|toolsets)\/[\w-]{1,200}\/mcp)$/;

/**
 * Returns the endpoint that `resource` names (RFC 8707, section 2), the aggregate endpoint where it is absent, and `undefined` where
 * no endpoint has this URL. The URL of the management app has no slash at its end in tokens; clients send it with or without.
 */
export function resourceOf(
  asked: string | undefined,
  { publicOrigin, managementOrigin }: Pick<Config, 'publicOrigin' | 'managementOrigin'>,
): Resource | undefined {
  if (asked === undefined) return { url: `${publicOrigin}/mcp` };
  if (asked === managementOrigin || asked === `${managementOrigin}/`) return { url: managementOrigin };
  const url = URL.parse(asked);
  if (url?.origin !== publicOrigin || !endpoint.test(url.pathname)) return undefined;
  const [, hint] = /^\?tenant=([\w-]+)$/.exec(url.search) ?? [];
  if (asked !== `${publicOrigin}${url.pathname}${hint === undefined ? '' : `?tenant=${hint}`}`)
    return undefined;
  if (hint === undefined) return { url: asked };
  return z.guid().safeParse(hint).success ? { url: asked, tenant: hint.toLowerCase() } : undefined;
}
