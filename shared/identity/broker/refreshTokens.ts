import * as z from 'zod';
import type { Seal } from '../../platform/security/seal.ts';

const contentSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  id: z.string(),
  clientId: z.string(),
  generation: z.number(),
});
/** What a refresh token of the gateway's own names: its grant, its client, and which of the family's tokens it is. */
export type RefreshToken = Readonly<z.infer<typeof contentSchema>>;

/** Returns the refresh token as a client gets it. The same content gives the same token, and nobody else can make it. */
export const closeRefreshToken = (
  seal: Seal,
  { tenantId, userId, id, clientId, generation }: RefreshToken,
): string => seal.close('refresh_token', [], { tenantId, userId, id, clientId, generation });

/** Returns what a refresh token names, or `undefined` for a text that is none. */
export const openRefreshToken = (seal: Seal, token: string): RefreshToken | undefined =>
  contentSchema.safeParse(seal.open('refresh_token', [], token)).data;
