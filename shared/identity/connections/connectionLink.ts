import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { CONNECT_MS } from '../limits.ts';

const linkSchema = z.object({ tenantId: z.string(), userId: z.string(), expiresAt: z.number() });
/** For whom a link was made. It holds no secret: only this person can use it. */
export type ConnectionLink = Readonly<z.infer<typeof linkSchema>>;

/** The links with which users connect their accounts. */
export interface ConnectionLinks {
  /** Returns the URL where the user connects an account to the server, valid for ten minutes. */
  urlFor(user: { readonly tenantId: string; readonly userId: string }, slug: string): string;
  /** Returns for whom the link is, `expired`, or `undefined` where it is none of this server. */
  open(slug: string, link: string): ConnectionLink | 'expired' | undefined;
}

export function createConnectionLinks(deps: {
  readonly publicOrigin: string;
  readonly seal: Seal;
  readonly clock: Clock;
}): ConnectionLinks {
  const { publicOrigin, seal, clock } = deps;
  return {
    urlFor({ tenantId, userId }, slug) {
      const content: ConnectionLink = { tenantId, userId, expiresAt: clock.now().getTime() + CONNECT_MS };
      return `${publicOrigin}/connections/${slug}/sign-in?link=${seal.close('connection_link', [slug], content)}`;
    },
    open(slug, link) {
      const found = linkSchema.safeParse(seal.open('connection_link', [slug], link)).data;
      return found && found.expiresAt <= clock.now().getTime() ? 'expired' : found;
    },
  };
}
