import { beforeEach, describe, expect, test } from 'vitest';
import { type RegistryApi, registryApi } from '../../support/registryApi.ts';
import { serverJson } from '../../support/serverJson.ts';

/**
 * What clients of a registry ask, in their order and spelling, through a link, since they send no token. VS Code:
 * `src/vs/platform/mcp/common/mcpGalleryManifestService.ts`. Copilot CLI: github/copilot-cli#3772 and #4949.
 */
let api: RegistryApi;
let base: string;
beforeEach(async () => {
  api = registryApi();
  for (let number = 0; number < 60; number++) {
    await api.call('POST', '/v0.1/publish', { body: serverJson({ name: `com.example/server-${number}` }) });
  }
  await api.call('POST', '/v0.1/publish', { body: serverJson({ version: '1.1.0' }) });
  const link = await api.call('POST', '/registry-links', { body: { name: 'Clients' } });
  base = (link.body as { path: string }).path;
});

interface Entry {
  readonly server: { readonly name: string; readonly remotes: { readonly url: string }[] };
  readonly _meta: Readonly<Record<string, { readonly status: string; readonly isLatest: boolean }>>;
}
interface List {
  readonly servers: readonly Entry[];
  readonly metadata: { readonly nextCursor?: string; readonly count: number };
}

describe('VS Code', () => {
  const get = (path: string) => api.call('GET', base + path, { role: null });
  const list = async (query: string) => (await get(`/v0.1/servers?${query}`)).body as List;

  test('probes the URL it was given and takes the first version of the API that answers', async () => {
    for (const version of ['v0.1', 'v0']) {
      expect((await get(`/${version}/servers?limit=1`)).status).toBe(200);
    }
  });

  test('reads all pages of its gallery', async () => {
    const names: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await list(
        `limit=50${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      names.push(...page.servers.map(({ server }) => server.name));
      cursor = page.metadata.nextCursor;
      if (cursor === undefined) break;
    }
    expect(new Set(names).size).toBe(61);
    expect(names).toHaveLength(61);
  });

  test('searches, and shows the latest of each', async () => {
    const { servers } = await list('limit=50&search=inventory&version=latest');
    expect(servers.map(({ server }) => server.name)).toEqual(['com.example/inventory']);
    expect(servers[0]?._meta['io.modelcontextprotocol.registry/official']).toMatchObject({
      status: 'active',
      isLatest: true,
    });
  });

  test('finds a server by its encoded name, and compares the URL of its remote', async () => {
    const name = encodeURIComponent('com.example/inventory');
    for (const version of ['latest', '1.1.0']) {
      const { body } = await get(`/v0.1/servers/${name}/versions/${version}`);
      expect((body as Entry).server.remotes[0]?.url).toBe('https://mcp.example.com/mcp');
    }
  });
});

describe('Copilot CLI', () => {
  const get = (path: string) =>
    api.call('GET', base + path, { role: null, headers: { accept: 'application/json' } });

  test.each([
    ['com.example/inventory', 200, 'is allowed'],
    ['com.example/unheard-of', 404, 'is not in the registry'],
    ['not-a-name', 404, 'is not in the registry'],
  ])('asks for the latest of %s: %i, which %s', async (name, status) => {
    const answer = await get(`/v0.1/servers/${encodeURIComponent(name)}/versions/latest`);
    expect(answer.status).toBe(status);
  });

  test('searches a page of thirty', async () => {
    const { body } = await get('/v0.1/servers?limit=30');
    expect((body as List).metadata.count).toBe(30);
  });
});
