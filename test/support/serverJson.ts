/** A `server.json` that is in order, with what a test wants different. */
export const serverJson = (
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> & { name: string } => ({
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'com.example/inventory',
  description: 'What is in stock',
  version: '1.0.0',
  remotes: [{ type: 'streamable-http', url: 'https://mcp.example.com/mcp' }],
  ...more,
});

const schema = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

/** Documents that the schema takes, with the feature that each is here for. */
export const acceptedServerJsons: readonly (readonly [string, Record<string, unknown>])[] = [
  ['the least there can be', { name: 'a/b', description: 'x', version: '1' }],
  ['a version that is a date', serverJson({ version: '2026.01.15' })],
  ['a version that is a word', serverJson({ version: 'snapshot-x' })],
  ['a version with a prerelease and a build', serverJson({ version: '1.0.0-rc.1+build.5' })],
  ['a version with a v', serverJson({ version: 'v1.2.3' })],
  ['the longest name', serverJson({ name: `${'a'.repeat(100)}/${'b'.repeat(99)}` })],
  ['a name of every kind of character', serverJson({ name: 'Com.Ex-ample.9/My_server-1.x' })],
  ['text of other alphabets', serverJson({ title: '在庫 📦', description: 'Ω'.repeat(100) })],
  [
    'an npm package with arguments and secrets',
    {
      $schema: schema,
      name: 'io.github.example/brave-search',
      title: 'Brave Search',
      description: 'MCP server for Brave Search API integration',
      websiteUrl: 'https://example.com/docs?x=1#top',
      repository: {
        url: 'https://github.com/example/servers',
        source: 'github',
        id: 'b94b5f7e',
        subfolder: 'src/brave.search',
      },
      version: '1.0.2',
      icons: [
        {
          src: 'https://example.com/icon.png',
          mimeType: 'image/png',
          sizes: ['48x48', 'any'],
          theme: 'dark',
        },
        { src: 'https://example.com/icon.svg' },
      ],
      packages: [
        {
          registryType: 'npm',
          registryBaseUrl: 'https://registry.example.com',
          identifier: '@example/server-brave-search',
          version: '1.0.2',
          runtimeHint: 'npx',
          transport: { type: 'stdio' },
          runtimeArguments: [
            {
              type: 'named',
              name: '--mount',
              value: 'type=bind,src={from}',
              isRepeated: true,
              variables: { from: { format: 'filepath', isRequired: true } },
            },
          ],
          packageArguments: [
            { type: 'positional', valueHint: 'folder', default: '/tmp', description: 'Where' },
            { type: 'positional', value: 'serve' },
          ],
          environmentVariables: [
            {
              name: 'API_KEY',
              isRequired: true,
              isSecret: true,
              placeholder: 'abc',
              choices: ['a', 'b'],
              format: 'string',
            },
          ],
        },
      ],
      _meta: {
        'io.modelcontextprotocol.registry/publisher-provided': { tool: 'ci', deep: { a: [1, null] } },
      },
    },
  ],
  [
    'a package that is reached over HTTP, its port from an argument',
    serverJson({
      remotes: undefined,
      packages: [
        {
          registryType: 'oci',
          identifier: 'docker.io/example/server:1.0.0',
          transport: { type: 'streamable-http', url: 'http://localhost:{--port}/mcp' },
          packageArguments: [{ type: 'named', name: '--port', default: '8080' }],
        },
      ],
    }),
  ],
  [
    'an mcpb package with its hash',
    serverJson({
      packages: [
        {
          registryType: 'mcpb',
          identifier: 'https://github.com/example/releases/download/v1/p.mcpb',
          fileSha256: 'f'.repeat(64),
          transport: { type: 'stdio' },
        },
      ],
    }),
  ],
  [
    'a registry that nobody has heard of',
    serverJson({ packages: [{ registryType: 'maven', identifier: 'g:a', transport: { type: 'stdio' } }] }),
  ],
  [
    'remotes with variables and headers',
    serverJson({
      remotes: [
        {
          type: 'streamable-http',
          url: 'https://{tenant}.example.com:{port}/mcp',
          variables: { tenant: { isRequired: true, choices: ['a'] }, port: { default: '443' } },
          headers: [
            {
              name: 'Authorization',
              value: 'Bearer {token}',
              isSecret: true,
              variables: { token: { isSecret: true } },
            },
          ],
        },
        { type: 'sse', url: '{base_url}/sse', variables: { base_url: {} } },
      ],
    }),
  ],
  [
    'fields that the schema does not know, everywhere',
    serverJson({
      'x-top': { a: [1, { b: null }] },
      remotes: [
        {
          type: 'sse',
          url: 'https://example.com/sse',
          'x-remote': true,
          headers: [{ name: 'X', 'x-header': 0 }],
        },
      ],
      icons: [{ src: 'https://example.com/i.png', 'x-icon': '' }],
      repository: { url: 'https://git.example.com/r', source: 'own', 'x-repository': [] },
      _meta: { 'com.example/own': { kept: true } },
    }),
  ],
  ['empty lists', serverJson({ packages: [], remotes: [], icons: [] })],
];
