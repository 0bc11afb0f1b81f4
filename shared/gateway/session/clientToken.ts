import { randomBytes } from 'node:crypto';
import type { Actor } from '../../identity/access/actor.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { MAX_TOKEN_LENGTH } from '../protocol/limits.ts';

/**
 * The kinds of tokens that clients carry. `question` is the id of a server request, `held_call` the `requestState` of a held
 * call.
 */
type Kind = 'session' | 'question' | 'held_call';

/** Returns the names of the owner to which a token is bound. */
export const ownerOf = ({ tenantId, userId, clientId }: Actor): readonly string[] => [
  tenantId,
  userId,
  clientId,
];

/**
 * Returns a sealed token for a client to carry. It opens for the same tenant, user and client application only. No two
 * tokens are the same, even with equal content: a server without sessions gives the same id to many requests.
 */
export const closeToken = (seal: Seal, kind: Kind, owner: Actor, content: JsonObject): string =>
  seal.close(kind, ownerOf(owner), { ...content, nonce: randomBytes(9).toString('base64url') });

/** Returns the content of a token, or `undefined` for every token that was not made for this kind and owner. */
export function openToken(seal: Seal, kind: Kind, owner: Actor, token: string): JsonObject | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const content = seal.open(kind, ownerOf(owner), token);
  return isObject(content) ? content : undefined;
}
