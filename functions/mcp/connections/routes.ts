import { clientDocument } from '../../../shared/identity/connections/accountClient.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { publicDocument, redirect } from '../../http/answers.ts';
import type { Call, Route } from '../../http/route.ts';
import type { ConnectDeps } from './deps.ts';
import { type OpenedLink, openLink } from './openedLink.ts';
import { connectedPage, notConnectedPage, signInPage } from './pages.ts';

/** The routes by which people connect their accounts at upstream servers: pages of a browser, and the gateway's own document. */
export function connectRoutes(deps: ConnectDeps): readonly Route[] {
  const { accounts, config, cookies, record } = deps;
  const publicPath = (slug: string, step: string, link: string) =>
    `/connections/${slug}/${step}?link=${encodeURIComponent(link)}`;
  const refuse = ({ trace }: Call<undefined>, resource: string, error: DomainError): Response => {
    record({ action: 'connections.connect', resource, error, trace });
    return notConnectedPage(error);
  };

  /** A step of a link. A link that is not valid leads to a page that says why. */
  const linkRoute = (
    step: 'sign-in' | 'continue',
    answer: (opened: OpenedLink, slug: string, link: string, call: Call<undefined>) => Promise<Response>,
  ): Route => ({
    name: `connections-${step}`,
    method: 'GET',
    path: `connections/{slug}/${step}`,
    permission: 'anonymous',
    isLimited: true,
    query: 'any',
    async handle(call) {
      const { slug = '' } = call.params;
      const link = call.query.get('link') ?? '';
      const opened = await openLink(slug, link, deps);
      return opened.ok ? answer(opened.value, slug, link, call) : refuse(call, slug, opened.error);
    },
  });

  const show = linkRoute('sign-in', async ({ title, target }, slug, link, call) => {
    const accountHost = await accounts.signIn.hostFor(target);
    if (!accountHost.ok) return refuse(call, slug, ofServer(title, accountHost.error));
    return signInPage({
      title,
      serverHost: new URL(target.url).host,
      accountHost: accountHost.value,
      next: publicPath(slug, 'continue', link),
    });
  });

  const goOn = linkRoute('continue', async ({ person }, slug, link) => {
    const purpose = { kind: 'connect', slug, link } as const;
    const { location, cookie } = await deps.browserSignIns.begin(purpose, person.tenantId);
    return redirect(location, cookies.write(cookie));
  });

  /** Where authorization servers send their answers: a common place, and one for each issuer. */
  const callback = (name: string, path: string): Route => ({
    name,
    method: 'GET',
    path,
    permission: 'anonymous',
    isLimited: true,
    query: 'any',
    async handle({ params, query, headers, trace }) {
      const cookieOf = (cookieName: string) => cookies.read(headers, cookieName);
      const { key, cookie, result } = await accounts.signIn.end(query, cookieOf, params['issuer']);
      const act = { action: 'connections.connect', resource: key?.slug ?? '', trace } as const;
      const spent = cookie && cookies.write(cookie);
      record({ ...act, ...(key && { person: key }), ...(!result.ok && { error: result.error }) });
      return result.ok ? connectedPage(result.value, spent) : notConnectedPage(result.error, spent);
    },
  });

  const document: Route = {
    name: 'connections-client',
    method: 'GET',
    path: 'connections/client.json',
    permission: 'anonymous',
    query: 'any',
    handle: () => Promise.resolve(publicDocument(clientDocument(config.publicOrigin))),
  };

  return [
    show,
    goOn,
    callback('connections-callback', 'connections/callback'),
    callback('connections-callback-issuer', 'connections/callback/of/{issuer}'),
    document,
  ];
}

/** Returns the error of a server as a sentence about the server. */
export const ofServer = (title: string, error: DomainError): DomainError => ({
  ...error,
  message: `the server "${title}" cannot be signed in to: ${error.message}`,
});
