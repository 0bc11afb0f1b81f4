import { z } from 'zod';
import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { checkOutboundUrl } from '../../platform/security/addressRules.ts';
import { isSecretName } from '../secrets/secretNames.ts';
import { holdsHidden, secretsNamedIn } from '../secrets/urlSecrets.ts';

/** A server in the `mcp.json` of a client. Clients differ in which of these fields they have. */
const entrySchema = z.looseObject({
  type: z.string().optional(),
  url: z.string().optional(),
  command: z.unknown().optional(),
  headers: z.record(z.string(), z.unknown()).optional(),
});

const httpTypes = ['http', 'streamable-http', 'streamableHttp'];
/** Headers that the gateway sets itself, so an entry may have them. */
const ownHeaders = ['accept', 'content-type', 'user-agent', 'mcp-protocol-version'];

/** Returns the URL of the server, or the reason to skip it. Neither holds the value of a header. */
export function readClientEntry(value: unknown): ImportedUrl {
  const unsafe = unsafeShape(value, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return { reason: unsafe };
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) return { reason: 'is not an entry of an mcp.json' };
  const { type, url, command, headers = {} } = parsed.data;
  if (type === 'stdio' || (url === undefined && command !== undefined))
    return { reason: 'runs as a program beside its client (stdio): the gateway reaches servers over HTTP' };
  if (type === 'sse')
    return { reason: 'speaks the HTTP+SSE transport of 2024, which the gateway does not import' };
  if (type !== undefined && !httpTypes.includes(type))
    return { reason: 'has a type that is not http, sse or stdio' };
  if (url === undefined) return { reason: 'has no url' };
  const unsent = Object.keys(headers).find((name) => !ownHeaders.includes(name.toLowerCase()));
  if (unsent !== undefined) return { reason: headerReason(unsent) };
  return checkImportUrl(url);
}

function headerReason(name: string): string {
  const header = /^[\w-]{1,60}$/.test(name) ? `the header ${name}` : 'a header';
  return isSecretName(name)
    ? `has a secret in ${header}: no secret is imported`
    : `has ${header}, which a registration does not`;
}

/** The URL of a server, or the reason to skip it. */
type ImportedUrl = { readonly url: string } | { readonly reason: string };

/** Returns an imported URL, or why it cannot be registered. The registration checks whether the gateway may call it. */
export function checkImportUrl(url: string): ImportedUrl {
  if (/[{}]/.test(url)) return { reason: 'has a url with a placeholder' };
  const checked = checkOutboundUrl(url, 'private_allowed');
  if (!checked.ok) return { reason: `has a url that ${checked.error.message}` };
  if (secretsNamedIn(url).length > 0 || holdsHidden(url))
    return { reason: 'has a secret in its url: no secret is imported' };
  return { url };
}
