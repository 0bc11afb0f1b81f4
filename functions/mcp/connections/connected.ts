import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { redirect } from '../../http/answers.ts';
import type { FollowUp } from '../oauth/callback.ts';
import type { ConnectDeps } from './deps.ts';
import { openLink, refused } from './openedLink.ts';
import { notConnectedPage } from './pages.ts';
import { ofServer } from './routes.ts';

/**
 * Sends a person who signed in with the work account on to the authorization server of the upstream server. Only the person of the
 * link goes on: with the link of somebody else, an account would serve that person's calls.
 */
export function connectAfterSignIn(deps: ConnectDeps): FollowUp<'connect'> {
  const { accounts, cookies, record, isRevoked } = deps;
  return async ({ slug, link }, signedIn, { trace }) => {
    const act = { action: 'connections.connect', resource: slug, trace } as const;
    if (!signedIn.ok) {
      record({ ...act, error: signedIn.error });
      return notConnectedPage(signedIn.error);
    }
    const person = signedIn.value.actor;
    const refuse = (error: DomainError): Response => {
      record({ ...act, person, error });
      return notConnectedPage(error);
    };
    const opened = await openLink(slug, link, deps);
    if (!opened.ok) return refuse(opened.error);
    const { person: wanted, target, title } = opened.value;
    if (person.tenantId !== wanted.tenantId || person.userId !== wanted.userId)
      return refuse(
        refused(
          'forbidden',
          'another_person',
          'this link is for another person: sign in as the person that your client acts for',
        ).error,
      );
    if (await isRevoked(person))
      return refuse(refused('forbidden', 'revoked', 'an administrator has ended your access').error);
    const begun = await accounts.signIn.begin(person, target);
    if (!begun.ok) return refuse(ofServer(title, begun.error));
    return redirect(begun.value.location, cookies.write(begun.value.cookie));
  };
}
