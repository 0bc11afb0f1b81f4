import type { ConnectionLink } from '../../../shared/identity/connections/connectionLink.ts';
import type { ConnectionTarget } from '../../../shared/identity/credentials/connections.ts';
import { fail, type Failure, type Result, succeed } from '../../../shared/platform/base/result.ts';
import type { ConnectDeps } from './deps.ts';

/** Why a link leads to no account, for the audit trail. The sign-in at the server has reasons of its own. */
export type ConnectReason = 'link_unknown' | 'link_expired' | 'server_unknown' | 'another_person' | 'revoked';

/** Returns a failure that a person reads on a page, with its reason for the audit trail. */
export const refused = (
  kind: 'invalid' | 'not_found' | 'forbidden',
  reason: ConnectReason,
  message: string,
): Failure => fail({ kind, message, members: { reason } });

/** A link that is valid: for whom it is, and where the account is asked for. */
export interface OpenedLink {
  readonly person: ConnectionLink;
  readonly title: string;
  readonly target: ConnectionTarget;
}

/** Opens a link to connect an account. Failures: `invalid` for a link that is not valid now, `not_found` without such a server. */
export async function openLink(
  slug: string,
  link: string,
  { accounts, accountTargetOf, visibleServers }: ConnectDeps,
): Promise<Result<OpenedLink>> {
  const person = accounts.links.open(slug, link);
  if (person === undefined) return refused('invalid', 'link_unknown', 'this link is not complete');
  if (person === 'expired') return refused('invalid', 'link_expired', 'this link has expired');
  const record = (await visibleServers.find(person.tenantId, slug))?.value;
  const target = record && accountTargetOf(record);
  return target
    ? succeed({ person, title: record.title, target })
    : refused(
        'not_found',
        'server_unknown',
        'the server of this link wants no account, or is no longer registered',
      );
}
