import * as z from 'zod';
import {
  type Revocation,
  revocationIdOf,
  type RevokedSubject,
} from '../../shared/identity/access/revocation.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { pageParameters, readPage } from './paging.ts';
import { privileged } from './privileged.ts';

/** Entra writes its ids in lower case, and administrators copy them in either. The client id of a document is a URL. */
const guid = z.guid('must be an object id of Entra: a GUID');
const clientId = z
  .string()
  .min(1)
  .max(2_000)
  .transform((id) => (guid.safeParse(id).success ? id.toLowerCase() : id));

const requestSchema = z
  .strictObject({
    user: guid.transform((id) => id.toLowerCase()).optional(),
    client: clientId.optional(),
    reason: z.string().trim().min(1).max(500).optional(),
  })
  .transform(({ user, client, reason }, context): { subject: RevokedSubject; reason: string | undefined } => {
    if (user !== undefined && client === undefined) return { subject: { user }, reason };
    if (client !== undefined && user === undefined) return { subject: { client }, reason };
    context.addIssue({ code: 'custom', message: 'must name either a user or a client' });
    return z.NEVER;
  });
type RevocationRequest = z.infer<typeof requestSchema>;

/** An administrator who revokes the own access cannot lift that again. */
const rejected = (message: string) => fail({ kind: 'rejected', message });
const notFound = (id: string) => fail({ kind: 'not_found', message: `there is no revocation "${id}"` });

/** Revocations of the caller's tenant: they end the access of a user or a client at once, until an administrator lifts them. */
export function revocationRoutes({
  revocations,
  audit,
  clock,
}: Pick<AppDeps, 'revocations' | 'audit' | 'clock'>): readonly Route<unknown>[] {
  const create: Route<RevocationRequest> = {
    name: 'revocations-create',
    method: 'POST',
    path: 'revocations',
    permission: 'revocations.write',
    body: requestSchema,
    async handle({ actor, body: { subject, reason } }): Promise<Result<Answer>> {
      if ('user' in subject && subject.user === actor.userId)
        return rejected('the user is yourself: let another administrator revoke your access');
      if ('client' in subject && subject.client === actor.clientId)
        return rejected('the client is the one of this request: revoke it with another client');
      const id = revocationIdOf(subject);
      const stored = await revocations.add({
        id,
        tenantId: actor.tenantId,
        subject,
        reason,
        createdBy: actor.userId,
        createdAt: clock.now().toISOString(),
      });
      return succeed({ status: 201, headers: { location: `/revocations/${id}` }, body: view(stored) });
    },
  };

  const list: Route = {
    name: 'revocations-list',
    method: 'GET',
    path: 'revocations',
    permission: 'revocations.read',
    query: pageParameters,
    handle: ({ actor, query }) =>
      readPage('revocations', query, (limit, after) => revocations.list(actor.tenantId, limit, after), view),
  };

  const lift: Route = {
    name: 'revocations-lift',
    method: 'DELETE',
    path: 'revocations/{id}',
    permission: 'revocations.write',
    async handle({ actor, params: { id = '' } }): Promise<Result<Answer>> {
      return (await revocations.lift(actor.tenantId, id)) === 'removed'
        ? succeed({ status: 204 })
        : notFound(id);
    },
  };

  return [
    privileged(create, 'revocations.create', ({ body }) => resourceOf(body.subject), audit),
    list,
    privileged(lift, 'revocations.lift', ({ params: { id = '' } }) => `revocations/${id}`, audit),
  ];
}

const resourceOf = (subject: RevokedSubject): string =>
  'user' in subject ? `users/${subject.user}` : `clients/${subject.client}`;

const view = ({ tenantId: _, subject, ...revocation }: Revocation) => ({
  ...revocation,
  ...subject,
  href: `/revocations/${revocation.id}`,
});
