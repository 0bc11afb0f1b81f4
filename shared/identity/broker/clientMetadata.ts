import * as z from 'zod';
import { boundedLine } from '../../platform/base/boundedLine.ts';
import { readUrl } from '../../platform/base/readUrl.ts';
import type { OAuthClient } from './client.ts';
import { redirectUriProblem } from './redirectUris.ts';

const MAX_NAME_LENGTH = 100;
const MAX_REDIRECT_URIS = 20;

/**
 * The client metadata that the gateway reads, in a document and in a registration (RFC 7591, section 2). Other fields are
 * ignored, as the RFC says. Nothing is ever fetched from a URL in it, but for keys.
 */
export const clientMetadataSchema = z.object({
  client_name: z.string().max(1_000).optional(),
  redirect_uris: z.array(z.string()).max(MAX_REDIRECT_URIS).optional(),
  token_endpoint_auth_method: z.string().optional(),
  grant_types: z.array(z.string()).optional(),
  response_types: z.array(z.string()).optional(),
});
export type ClientMetadata = z.infer<typeof clientMetadataSchema>;

/** Returns the name of a client in one line; the host that its people go back to where it gives none. */
export function nameOf({ client_name: name = '', redirect_uris: [uri = ''] = [] }: ClientMetadata): string {
  return boundedLine(name, MAX_NAME_LENGTH) || readUrl(uri)?.host || 'a client without a name';
}

/** Returns what is wrong with the first redirect URI that is not allowed, or `undefined`. It quotes none of them. */
export function redirectUrisProblem(uris: readonly string[], kind: OAuthClient['kind']): string | undefined {
  for (const [index, uri] of uris.entries()) {
    const problem = redirectUriProblem(uri, kind);
    if (problem !== undefined) return `redirect_uris.${index} ${problem}`;
  }
  return undefined;
}
