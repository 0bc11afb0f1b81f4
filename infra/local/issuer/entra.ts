import { z } from 'zod';
import { authorize, choose, isTenant, logout } from './authorize.ts';
import { createPeople, type Directory, type People } from './directory.ts';
import { discovery, keySet, paths } from './discovery.ts';
import { errorBody } from './entraErrors.ts';
import { createGrants } from './grants.ts';
import { type Asked, json, type Reply } from './reply.ts';
import type { SigningKey } from './signingKey.ts';
import { answerTokenRequest } from './tokenEndpoint.ts';

/** Entra, as far as the gateway and its clients use it. */
export interface Entra {
  readonly people: People;
  /** Returns the method that a path is served with, or `undefined` for a path that is none of Entra's. */
  methodOf(path: string): 'GET' | 'POST' | undefined;
  /** Answers a request for a path that is served with its method. */
  answer(asked: Asked): Promise<Reply>;
}

/** Documents are read once a day. */
const DAY = 'max-age=86400, private';

export function createEntra(options: {
  readonly origin: string;
  readonly key: SigningKey;
  readonly directory: Directory;
}): Entra {
  const { origin, key, directory } = options;
  const people = createPeople(directory.people);
  const deps = { origin, key, directory, people, grants: createGrants(key.secret) };
  const routes: Readonly<
    Record<string, readonly ['GET' | 'POST', (authority: string, asked: Asked) => Reply | Promise<Reply>]>
  > = {
    [paths.discovery]: ['GET', (authority) => json(discovery(origin, authority), 200, DAY)],
    [paths.keys]: ['GET', () => json(keySet(origin, key), 200, DAY)],
    [paths.authorize]: ['GET', (authority, { query }) => authorize(authority, query, deps)],
    [paths.login]: ['POST', (authority, { form }) => choose(authority, form, deps)],
    [paths.token]: [
      'POST',
      async (authority, { form }) => {
        const answer = await answerTokenRequest(authority, form, deps);
        if (!('number' in answer)) return json(answer);
        return json(errorBody(answer), answer.code === 'invalid_client' ? 401 : 400);
      },
    ],
    [paths.logout]: ['GET', (_authority, { query }) => logout(query, directory)],
  };
  const routeOf = (path: string) => {
    const [, authority = '', rest = ''] = /^\/([\w-]+)\/(.+)$/.exec(path) ?? [];
    const isAuthority = !isTenant(authority) || z.guid().safeParse(authority).success;
    const route = isAuthority && Object.hasOwn(routes, rest) ? routes[rest] : undefined;
    return route && { authority: authority.toLowerCase(), method: route[0], answer: route[1] };
  };
  return {
    people,
    methodOf: (path) => routeOf(path)?.method,
    answer: async (asked) => {
      const route = routeOf(asked.path);
      if (!route) throw new Error(`${asked.path} is no path of Entra`);
      return route.answer(route.authority, asked);
    },
  };
}
