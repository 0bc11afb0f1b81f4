import * as z from 'zod';

/** A request for tokens that a client made of a person (OAuth 2.1, section 4.1.1). Its client and its redirect URI are verified. */
export const authorizationRequestSchema = z.object({
  clientId: z.string(),
  clientName: z.string(),
  redirectUri: z.string(),
  /** The endpoint that the tokens are for (RFC 8707). */
  resource: z.string(),
  scopes: z.array(z.string()).readonly(),
  /** PKCE, S256 (RFC 7636). */
  codeChallenge: z.string(),
  state: z.string().optional(),
});
export type AuthorizationRequest = Readonly<z.infer<typeof authorizationRequestSchema>>;
