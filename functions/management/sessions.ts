import { z } from 'zod';
import { challenge, refusalError } from '../../shared/identity/tokens/challenge.ts';
import { type Permission, isPermitted } from '../../shared/identity/access/permissions.ts';
import type { Session } from '../../shared/identity/sessions/sessionStore.ts';
import { bearerToken } from '../../shared/identity/tokens/bearerToken.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/compose.ts';
import { problemAnswer } from '../http/answers.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { privileged } from './privileged.ts';

type SessionDeps = Pick<AppDeps, 'sessions' | 'clock' | 'challenge' | 'audit'>;

const notFound = (id: string) => fail({ kind: 'not_found', message: `there is no session "${id}"` });

const openSchema = z.strictObject({ keepToken: z.boolean().default(false) });
type OpenRequest = z.infer<typeof openSchema>;

/** Sessions: everyone's own, and those of their tenant for the roles that may see or end them. */
export function sessionRoutes(deps: SessionDeps): readonly Route<unknown>[] {
  const { sessions, clock } = deps;

  /** The session of the path, if it is the caller's own or the caller has the permission for those of others. */
  async function reach(
    { principal, params: { id = '' } }: Call<unknown>,
    forOthers: Permission,
  ): Promise<Session | undefined> {
    const session = await sessions.find(principal.tenantId, id);
    return session?.userId === principal.userId || isPermitted(principal, forOthers) ? session : undefined;
  }

  const open: Route<OpenRequest> = {
    name: 'sessions-open',
    method: 'POST',
    path: 'sessions',
    permission: 'sessions.own',
    body: openSchema,
    bodyWhenAbsent: { keepToken: false },
    async handle({ principal, body: { keepToken }, headers }) {
      const token = keepToken ? bearerToken(headers.get('authorization')) : undefined;
      const session = await sessions.open(principal, token);
      if (new Date(session.expiresAt) <= clock.now()) return succeed(tokenExpired(deps));
      return succeed({ status: 201, headers: { location: `/sessions/${session.id}` }, body: session });
    },
  };

  const get: Route = {
    name: 'sessions-get',
    method: 'GET',
    path: 'sessions/{id}',
    permission: 'sessions.own',
    async handle(call) {
      const { principal, params } = call;
      const session = await reach(call, 'sessions.read');
      const authContext = session && (await sessions.authContext(principal.tenantId, session.id));
      return authContext
        ? succeed({ status: 200, body: { ...session, authContext } })
        : notFound(params['id'] ?? '');
    },
  };

  const end: Route = {
    name: 'sessions-end',
    method: 'DELETE',
    path: 'sessions/{id}',
    permission: 'sessions.own',
    async handle(call) {
      const { principal, params } = call;
      const session = await reach(call, 'sessions.end');
      const outcome = session ? await sessions.end(principal.tenantId, session.id) : 'absent';
      return outcome === 'ended' ? succeed({ status: 204 }) : notFound(params['id'] ?? '');
    },
  };

  return [
    open,
    get,
    privileged(end, 'sessions.end', ({ params: { id = '' } }) => `sessions/${id}`, deps.audit),
  ];
}

/** The verifier lets a token pass for a minute after its end; that is too late to open a session with it. */
function tokenExpired({ challenge: settings }: SessionDeps): Answer {
  const { headers, ...problem } = problemAnswer(refusalError('expired'));
  const wanted = challenge('expired', settings);
  return { ...problem, headers: { ...headers, ...(wanted !== undefined && { 'www-authenticate': wanted }) } };
}
