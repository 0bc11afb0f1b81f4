import { hash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createSeal, type SealPurpose } from '../../../shared/platform/security/seal.ts';
import { type EntraError, entraErrors } from './entraErrors.ts';

/** A request for a sign-in that was checked. It waits on the page for the choice of a person. */
const signInSchema = z.object({
  /** The tenant of the URL, or `organizations`. */
  authority: z.string(),
  clientId: z.string(),
  redirectUri: z.string(),
  scope: z.string(),
  resource: z.string().nullable(),
  state: z.string().nullable(),
  nonce: z.string().nullable(),
  challenge: z.string().nullable(),
});
export type SignInRequest = z.infer<typeof signInSchema>;

const codeSchema = z.object({ id: z.string(), at: z.number(), oid: z.string(), request: signInSchema });
export type Code = z.infer<typeof codeSchema>;

const refreshSchema = z.object({
  id: z.string(),
  at: z.number(),
  oid: z.string(),
  clientId: z.string(),
  scope: z.string(),
});
export type RefreshGrant = z.infer<typeof refreshSchema>;

/** Milliseconds. Entra's codes are valid for ten minutes at most. */
const CODE_LASTS_MS = 600_000;

/** Requests on a page, codes and refresh tokens. They are sealed, so they survive a restart of the issuer. */
export interface Grants {
  keepRequest(request: SignInRequest): string;
  openRequest(sealed: string): SignInRequest | undefined;
  issueCode(oid: string, request: SignInRequest): string;
  /** Takes a code. It can be taken once in the life of the process. */
  takeCode(
    code: string,
    ask: { readonly clientId: string; readonly redirectUri: string; readonly verifier: string | null },
  ): Code | EntraError;
  issueRefreshToken(grant: Pick<RefreshGrant, 'oid' | 'clientId' | 'scope'>): string;
  openRefreshToken(token: string, clientId: string): RefreshGrant | EntraError;
}

/** Creates the grants of an issuer with this secret. */
export function createGrants(secret: string): Grants {
  const seal = createSeal([secret]);
  const used = new Map<string, number>();
  const open = <T>(purpose: SealPurpose, kind: string, schema: z.ZodType<T>, sealed: string): T | undefined =>
    schema.safeParse(seal.open(purpose, [kind], sealed)).data;

  return {
    keepRequest: (request) => seal.close('sign_in', ['request'], request),
    openRequest: (sealed) => open('sign_in', 'request', signInSchema, sealed),
    issueCode: (oid, request) =>
      seal.close('sign_in', ['code'], { id: randomUUID(), at: Date.now(), oid, request } satisfies Code),
    takeCode: (text, { clientId, redirectUri, verifier }) => {
      const code = open('sign_in', 'code', codeSchema, text);
      if (code?.request.clientId !== clientId) return entraErrors.wrongGrant;
      const now = Date.now();
      if (now - code.at > CODE_LASTS_MS) return entraErrors.codeExpired;
      if (code.request.redirectUri !== redirectUri) return entraErrors.wrongRedirect(redirectUri);
      if (code.request.challenge !== (verifier === null ? null : hash('sha256', verifier, 'base64url')))
        return entraErrors.wrongVerifier;
      for (const [id, at] of used) if (now - at > CODE_LASTS_MS) used.delete(id);
      if (used.has(code.id)) return entraErrors.codeUsed;
      used.set(code.id, code.at);
      return code;
    },
    issueRefreshToken: (grant) =>
      seal.close('refresh_token', [], { ...grant, id: randomUUID(), at: Date.now() } satisfies RefreshGrant),
    openRefreshToken: (token, clientId) => {
      const grant = refreshSchema.safeParse(seal.open('refresh_token', [], token)).data;
      return grant?.clientId === clientId ? grant : entraErrors.wrongGrant;
    },
  };
}
