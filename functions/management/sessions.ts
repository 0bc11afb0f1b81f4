import * as z from 'zod';
import { isPermitted, type Permission } from '../../shared/identity/access/permissions.ts';
import type { AuthContext, Session } from '../../shared/identity/sessions/sessionStore.ts';
import { bearerToken } from '../../shared/identity/tokens/bearerToken.ts';
import { challenge, refusalError } from '../../shared/identity/tokens/refusals.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import { problemAnswer } from '../http/answers.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { privileged } from './privileged.ts';

type SessionDeps = Pick<AppDeps, 'sessions' | 'clock' | 'challenge' | 'audit'>;

const notFound = (id: string) => fail({ kind: 'not_found', message: `there is no session "${id}"` });

const openSchema = z.strictObject({ keepToken: z.boolean().default(false) });
type OpenRequest = z.infer<typeof openSchema>;

/** Routes for sessions: the caller's own, and those of the tenant for roles that may see or end them. */
export function sessionRoutes(deps: SessionDeps): readonly Route<unknown>[] {
  const { sessions, clock } = deps;

  /** Returns the session of the path if it is the caller's own, or if the caller has the permission for sessions of others. */
  async function reach(
    { actor, params: { id = '' } }: Call<unknown>,
    forOthers: Permission,
  ): Promise<Session | undefined> {
    const session = await sessions.find(actor.tenantId, id);
    return session?.actor.userId === actor.userId || isPermitted(actor, forOthers) ? session : undefined;
  }

  const open: Route<OpenRequest> = {
    name: 'sessions-open',
    method: 'POST',
    path: 'sessions',
    permission: 'sessions.own',
    body: openSchema,
    bodyWhenAbsent: { keepToken: false },
    async handle({ actor, body: { keepToken }, headers }) {
      const token = keepToken ? bearerToken(headers.get('authorization')) : undefined;
      const session = await sessions.open(actor, token);
      if (new Date(session.expiresAt) <= clock.now()) return succeed(tokenExpired(deps));
      return succeed({ status: 201, headers: { location: `/sessions/${session.id}` }, body: view(session) });
    },
  };

  const get: Route = {
    name: 'sessions-get',
    method: 'GET',
    path: 'sessions/{id}',
    permission: 'sessions.own',
    async handle(call) {
      const { actor, params } = call;
      const session = await reach(call, 'sessions.read');
      const authContext = session && (await sessions.authContext(actor.tenantId, session.id));
      return authContext
        ? succeed({ status: 200, body: { ...view(session), authContext: rightsView(authContext) } })
        : notFound(params['id'] ?? '');
    },
  };

  const end: Route = {
    name: 'sessions-end',
    method: 'DELETE',
    path: 'sessions/{id}',
    permission: 'sessions.own',
    async handle(call) {
      const { actor, params } = call;
      const session = await reach(call, 'sessions.end');
      const outcome = session ? await sessions.end(actor.tenantId, session.id) : 'absent';
      return outcome === 'ended' ? succeed({ status: 204 }) : notFound(params['id'] ?? '');
    },
  };

  return [
    open,
    get,
    privileged(end, 'sessions.end', ({ params: { id = '' } }) => `sessions/${id}`, deps.audit),
  ];
}

const view = ({ id, actor: { tenantId, userId, clientId }, createdAt, expiresAt }: Session) => ({
  id,
  tenantId,
  userId,
  clientId,
  createdAt,
  expiresAt,
});

const rightsView = ({ actor: { tenantId, userId, roles }, expiresAt, serverContext }: AuthContext) => ({
  tenantId,
  userId,
  roles,
  expiresAt,
  serverContext,
});

/** The verifier accepts a token for a minute after its expiry. That is too late to open a session. */
function tokenExpired({ challenge: settings }: SessionDeps): Answer {
  const { headers, ...problem } = problemAnswer(refusalError('expired'));
  const wanted = challenge('expired', settings);
  return { ...problem, headers: { ...headers, ...(wanted !== undefined && { 'www-authenticate': wanted }) } };
}
