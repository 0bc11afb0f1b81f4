import { z } from 'zod';
import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/jsonShape.ts';
import { isSecretName } from '../secrets/secretNames.ts';
import { type Judged, usableUrl } from './usableUrl.ts';

/** What clients write of a server in their `mcp.json`. Who has which fields differs; nobody has others for these. */
const entrySchema = z.looseObject({
  type: z.string().optional(),
  url: z.string().optional(),
  command: z.unknown().optional(),
  headers: z.record(z.string(), z.unknown()).optional(),
});

const httpTypes = ['http', 'streamable-http', 'streamableHttp'];
/** The gateway sends its own. */
const ownHeaders = ['accept', 'content-type', 'user-agent', 'mcp-protocol-version'];

/** The URL of the server, or why the gateway cannot take it. No value of a header is in either. */
export function readClientEntry(value: unknown): Judged {
  const unsafe = unsafeShape(value, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return { reason: unsafe };
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) return { reason: 'is not what clients write of a server' };
  const { type, url, command, headers = {} } = parsed.data;
  if (type === 'stdio' || (url === undefined && command !== undefined))
    return { reason: 'runs as a program beside its client (stdio): the gateway reaches servers over HTTP' };
  if (type === 'sse') return { reason: 'speaks the HTTP+SSE transport of 2024, which the gateway does not' };
  if (type !== undefined && !httpTypes.includes(type))
    return { reason: 'has a type that is not http, sse or stdio' };
  if (url === undefined) return { reason: 'has no url' };
  const unsent = Object.keys(headers).find((name) => !ownHeaders.includes(name.toLowerCase()));
  if (unsent !== undefined) return { reason: headerReason(unsent) };
  return usableUrl(url);
}

function headerReason(name: string): string {
  const header = /^[\w-]{1,60}$/.test(name) ? `the header ${name}` : 'a header';
  return isSecretName(name)
    ? `has a secret in ${header}: no secret is imported`
    : `has ${header}, which a registration does not`;
}
