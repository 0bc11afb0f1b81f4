import type { Connections } from '../../shared/identity/credentials/connections.ts';
import { fail, type Failure, succeed } from '../../shared/platform/base/result.ts';

/** The accounts of users at servers as a test has them: tokens in the order in which refreshes give them. */
export interface FakeConnections extends Connections {
  connect(userId: string, slug: string, ...tokens: string[]): void;
  forget(userId: string, slug: string): void;
  /** The values that servers refused, each with the challenge. */
  readonly refusals: { readonly value: string; readonly challenge: string | undefined }[];
}

export const signInUrl = (userId: string, slug: string): string =>
  `https://gateway.example/connections/${slug}/sign-in?link=for-${userId}`;

export function fakeConnections(): FakeConnections {
  const tokens = new Map<string, readonly string[]>();
  const refusals: FakeConnections['refusals'] = [];
  const key = (userId: string, slug: string) => `${slug} ${userId}`;
  const signIn = (userId: string, slug: string): Failure =>
    fail({
      kind: 'sign_in_needed',
      message: `no account at ${slug}`,
      members: { signInUrl: signInUrl(userId, slug) },
    });
  const current = (userId: string, slug: string) => {
    const [token] = tokens.get(key(userId, slug)) ?? [];
    return token === undefined ? signIn(userId, slug) : succeed(`Bearer ${token}`);
  };
  return {
    refusals,
    connect: (userId, slug, ...given) => void tokens.set(key(userId, slug), given),
    forget: (userId, slug) => void tokens.delete(key(userId, slug)),
    authorizationFor: ({ userId }, { slug }) => Promise.resolve(current(userId, slug)),
    refused({ userId }, { slug }, value, challenge) {
      refusals.push({ value, challenge });
      const known = tokens.get(key(userId, slug)) ?? [];
      if (value === `Bearer ${known[0] ?? ''}`) tokens.set(key(userId, slug), known.slice(1));
      return Promise.resolve(current(userId, slug));
    },
    firstUserOf(_tenantId, slug) {
      const first = [...tokens].find(([name, given]) => name.startsWith(`${slug} `) && given.length > 0);
      return Promise.resolve(first?.[0].slice(slug.length + 1));
    },
  };
}
