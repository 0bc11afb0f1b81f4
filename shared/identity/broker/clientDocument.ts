import * as z from 'zod';
import { parseJsonBytes } from '../../platform/base/json.ts';
import { readUrl } from '../../platform/base/readUrl.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { MAX_CLIENT_ID_LENGTH } from '../limits.ts';
import type { ClientKeys, OAuthClient } from './client.ts';
import { clientMetadataSchema, nameOf, redirectUrisProblem } from './clientMetadata.ts';
import { isLoopback } from './redirectUris.ts';

/** Returns whether a client id says that its client has a document. */
export const isDocumentUrl = (clientId: string): boolean => /^https?:/i.test(clientId);

const refuse = (message: string): Result<never> => fail({ kind: 'invalid', message });

/**
 * Checks the URL of a client id metadata document by its text (draft-ietf-oauth-client-id-metadata-document-02, section 3). It must
 * be written as URLs are normalised, so that one client has one id. `allowsLoopback`: in development a document may be on this
 * machine, over plain http.
 */
export function checkDocumentUrl(clientId: string, allowsLoopback: boolean): Result<URL> {
  if (clientId.length > MAX_CLIENT_ID_LENGTH)
    return refuse(`the client id must have at most ${MAX_CLIENT_ID_LENGTH} characters`);
  const url = readUrl(clientId);
  if (!url) return refuse('the client id is not a URL');
  if (url.protocol !== 'https:' && !(allowsLoopback && isLoopback(clientId)))
    return refuse('the client id must be a URL with https');
  if (url.username !== '' || url.password !== '')
    return refuse('the client id must not hold a user name or password');
  if (clientId.includes('#')) return refuse('the client id must not have a fragment');
  if (url.pathname === '/') return refuse('the client id must have a path, such as /client.json');
  if (url.href !== clientId)
    return refuse('the client id must be a normalised URL, without dots as path segments');
  return succeed(url);
}

const sharedSecret = /^client_secret_/;

const documentSchema = clientMetadataSchema.extend({
  client_id: z.string(),
  client_secret: z.undefined('must not be there: everybody can read it').optional(),
  jwks_uri: z.string().max(2_000).optional(),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(20) }).optional(),
});
type ClientDocument = z.infer<typeof documentSchema>;

/** Reads a client id metadata document that came from the URL of the client id. Failures are `invalid` and quote nothing of it. */
export function readClientDocument(clientId: string, bytes: Uint8Array): Result<OAuthClient> {
  const json = parseJsonBytes(bytes);
  if (json === undefined) return refuse('the document of the client is not JSON in UTF-8');
  const parsed = documentSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.slice(0, 2).join('.') ?? '';
    return refuse(
      `the document of the client is not valid: ${path === '' ? 'it' : path} ${issue?.message ?? ''}`,
    );
  }
  const document = parsed.data;
  const { redirect_uris: redirectUris = [], token_endpoint_auth_method: method = 'none' } = document;
  if (document.client_id !== clientId) return refuse('the document names another client_id than its URL');
  if (sharedSecret.test(method))
    return refuse('the document asks for a client secret, which a public document cannot have');
  const problem = redirectUrisProblem(redirectUris, 'document');
  if (problem !== undefined) return refuse(`the document of the client is not valid: ${problem}`);
  const keys = keysOf(document, method);
  if (!keys.ok) return keys;
  return succeed({
    id: clientId,
    kind: 'document',
    name: nameOf(document),
    redirectUris,
    ...(keys.value && { keys: keys.value }),
  });
}

/** Returns the keys of a client that signs assertions; `undefined` for a public client. */
function keysOf({ jwks, jwks_uri: jwksUri }: ClientDocument, method: string): Result<ClientKeys | undefined> {
  if (method === 'none') return succeed(undefined);
  if (method !== 'private_key_jwt')
    return refuse('the document asks for a client authentication other than none and private_key_jwt');
  if (jwksUri !== undefined) {
    const isUsable = readUrl(jwksUri)?.protocol === 'https:' || isLoopback(jwksUri);
    return isUsable
      ? succeed({ jwksUri })
      : refuse('the document names a jwks_uri that is no URL with https');
  }
  if (!jwks) return refuse('the document has neither jwks nor jwks_uri for private_key_jwt');
  if (jwks.keys.some((key) => 'd' in key || 'k' in key)) return refuse('the document holds a private key');
  return succeed({ jwks: jwks });
}
