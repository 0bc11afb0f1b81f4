import type { ServerJson } from '../serverJson/serverJson.ts';
import { headersSchema, type UpstreamSettings } from './upstreamSettings.ts';

type Remote = NonNullable<ServerJson['remotes']>[number];

/** Returns the remote to call: one without variables before others, and Streamable HTTP before the older HTTP+SSE. */
export function remoteOf({ remotes = [] }: ServerJson): Remote | undefined {
  const rank = ({ type, url }: Remote) => (/[{}]/.test(url) ? 2 : 0) + (type === 'sse' ? 1 : 0);
  return remotes.toSorted((one, other) => rank(one) - rank(other))[0];
}

/**
 * Returns the settings with the headers to which the remote gives a fixed value, because clients that come through the gateway
 * do not send them. A header of the settings has priority. A header that a client fills in, and one that a record may not hold,
 * is left out.
 */
export function withFixedHeaders(
  settings: UpstreamSettings | undefined,
  { headers = [] }: Remote,
): UpstreamSettings | undefined {
  const fixed = headers.flatMap(({ name, value }) => {
    const header = { [name.toLowerCase()]: { value } };
    const isFixed = value !== undefined && !/[{}]/.test(value) && headersSchema.safeParse(header).success;
    return isFixed ? Object.entries(header) : [];
  });
  return fixed.length === 0
    ? settings
    : { ...settings, headers: { ...Object.fromEntries(fixed), ...settings?.headers } };
}
