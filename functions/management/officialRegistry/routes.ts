import type { Route } from '../../http/route.ts';
import { secretUrlHeaders } from '../../http/secretUrls.ts';
import { serverNotFound, wordError } from './answers.ts';
import { type RegistryReader, createReader } from './reads.ts';
import { expiryOf, linkIdOf } from '../../../shared/registry/links/registryLink.ts';
import type { RegistryLinkStore } from '../../../shared/registry/links/registryLinkStore.ts';
import { type WriteDeps, writeRoutes } from './writes.ts';

/** The stable version of the API, and its alias of old. */
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
  pages: 'every',
  wordError,
  handle: ({ principal: { tenantId }, params: { rest = '' }, query }) => read({ tenantId }, rest, query),
});

/** The same reads for clients that send no token: the secret in the URL stands for a tenant, or for some of its servers. */
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
  pages: 'every',
  answerHeaders: secretUrlHeaders,
  wordError,
  async handle({ params: { secret = '', rest = '' }, query }) {
    const link = await links.find(linkIdOf(secret));
    return link && clock.now() < expiryOf(link) ? read(link, rest, query) : serverNotFound;
  },
});
