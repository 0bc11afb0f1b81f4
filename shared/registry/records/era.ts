import * as z from 'zod';

/**
 * The generation of the protocol a server speaks: `legacy` up to 2025-11-25, with a handshake; `modern` from 2026-07-28 on,
 * without.
 */
export const eraSchema = z.enum(['legacy', 'modern']);
export type Era = z.infer<typeof eraSchema>;
