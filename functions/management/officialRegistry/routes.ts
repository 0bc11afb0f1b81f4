import { expiryOf, linkIdOf, type RegistryLinkStore } from '../../../shared/registry/links/registryLink.ts';
import { secretUrlHeaders } from '../../http/answers.ts';
import type { Route } from '../../http/route.ts';
import { formatError, serverNotFound } from './answers.ts';
import { createReader, type RegistryReader } from './reads.ts';
import { type WriteDeps, writeRoutes } from './writes.ts';

/** The stable version of the API, and its older alias. */
const prefixes = ['v0.1', 'v0'] as const;

interface LinkDeps extends Pick<WriteDeps, 'clock'> {
  readonly links: RegistryLinkStore;
}

/** The official registry API: https://github.com/modelcontextprotocol/registry, docs/reference/api/openapi.yaml. */
export function officialRegistryRoutes(deps: WriteDeps & LinkDeps): readonly Route<unknown>[] {
  const read = createReader(deps);
  return prefixes.flatMap((prefix) => {
    const suffix = `-${prefix.replace('.', '-')}`;
    return [
      readRoute(prefix, suffix, read),
      linkRoute(prefix, suffix, read, deps),
      ...writeRoutes(prefix, suffix, deps),
    ];
  });
}

const readRoute = (prefix: string, suffix: string, read: RegistryReader): Route => ({
  name: `registry-read${suffix}`,
  method: 'GET',
  path: `${prefix}/servers/{*rest}`,
  permission: 'servers.read',
  query: 'any',
  pages: 'every',
  formatError,
  handle: ({ actor: { tenantId }, params: { rest = '' }, query }) => read({ tenantId }, rest, query),
});

/** The same reads for clients without a token: the secret in the URL stands for a tenant, or for some of its servers. */
const linkRoute = (
  prefix: string,
  suffix: string,
  read: RegistryReader,
  { links, clock }: LinkDeps,
): Route => ({
  name: `registry-link-read${suffix}`,
  method: 'GET',
  path: `r/{secret}/${prefix}/servers/{*rest}`,
  permission: 'anonymous',
  query: 'any',
  pages: 'every',
  answerHeaders: secretUrlHeaders,
  formatError,
  async handle({ params: { secret = '', rest = '' }, query }) {
    const link = await links.find(linkIdOf(secret));
    return link && clock.now() < expiryOf(link) ? read(link, rest, query) : serverNotFound;
  },
});
