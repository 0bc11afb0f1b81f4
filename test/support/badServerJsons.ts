import { serverJson } from './serverJson.ts';

const stdio = { type: 'stdio' };
const npm = { registryType: 'npm', identifier: 'x', transport: stdio };
const inPackage = (more: object) => serverJson({ packages: [{ ...npm, ...more }] });
export const remote = { type: 'streamable-http', url: 'https://example.com/mcp' };
const inRemote = (more: object) => serverJson({ remotes: [{ ...remote, ...more }] });
const inIcon = (more: object) => serverJson({ icons: [{ src: 'https://example.com/i.png', ...more }] });
const inRepository = (more: object) =>
  serverJson({ repository: { url: 'https://github.com/a/b', source: 'github', ...more } });
const without = (name: string) => {
  const { [name]: _, ...rest } = serverJson();
  return rest;
};
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
};

type Row = readonly [why: string, document: unknown, path: string, message: RegExp];
/** Documents that are refused for one reason each, with the path of the field and what is said of it. */
export const badServerJsons: readonly Row[] = [
  ['no object', [], '', /must be an object/],
  ['null', null, '', /must be an object/],
  ['text', 'server', '', /must be an object/],
  ['no name', without('name'), 'name', /is required/],
  ['a name that is a number', serverJson({ name: 7 }), 'name', /must be a string/],
  ['a name without a slash', serverJson({ name: 'inventory' }), 'name', /one slash/],
  ['a name with two slashes', serverJson({ name: 'com.example/a/b' }), 'name', /one slash/],
  ['a name with nothing before the slash', serverJson({ name: '/inventory' }), 'name', /one slash/],
  ['a name with nothing after the slash', serverJson({ name: 'com.example/' }), 'name', /one slash/],
  ['a name with a space', serverJson({ name: 'com.example/my server' }), 'name', /one slash/],
  ['a name with an underscore before the slash', serverJson({ name: 'com_example/a' }), 'name', /one slash/],
  ['a name with an accent', serverJson({ name: 'com.example/é' }), 'name', /one slash/],
  ['a name with a line break at its end', serverJson({ name: 'com.example/a\n' }), 'name', /one slash/],
  ['a name of 201 characters', serverJson({ name: `${'a'.repeat(100)}/${'b'.repeat(100)}` }), 'name', /200/],
  ['no description', without('description'), 'description', /is required/],
  ['an empty description', serverJson({ description: '' }), 'description', /empty/],
  ['a description of 101 characters', serverJson({ description: 'x'.repeat(101) }), 'description', /100/],
  ['a description that is a list', serverJson({ description: ['x'] }), 'description', /must be a string/],
  ['an empty title', serverJson({ title: '' }), 'title', /empty/],
  ['a title of 101 characters', serverJson({ title: 'x'.repeat(101) }), 'title', /100/],
  ['a title that is null', serverJson({ title: null }), 'title', /must be a string/],
  ['no version', without('version'), 'version', /is required/],
  ['an empty version', serverJson({ version: '' }), 'version', /empty/],
  ['a version that is a number', serverJson({ version: 1 }), 'version', /must be a string/],
  ['a version of 256 characters', serverJson({ version: '1'.repeat(256) }), 'version', /255/],
  ['a version with a space before it', serverJson({ version: ' 1.0.0' }), 'version', /spaces around/],
  ['a version that is half a character', serverJson({ version: '1\ud800' }), 'version', /plain text/],
  ['a version with a line break', serverJson({ version: '1\n2' }), 'version', /plain text/],
  ['a version that is a step up in a path', serverJson({ version: '..' }), 'version', /dots/],
  ['the version latest', serverJson({ version: 'latest' }), 'version', /reserved/],
  ['the version Latest', serverJson({ version: 'Latest' }), 'version', /reserved/],
  ...[
    '^1.2.3',
    '~1.2.3',
    '>=1.2.3',
    '<=1.2.3',
    '>1.0.0',
    '<2',
    '=1.0.0',
    '1.x',
    '1.2.X',
    '1.*',
    '1.2.*',
    '*',
    'x',
  ]
    .concat(['1.2.3 - 2.0.0', '1.2 || 1.3', '>=1.0.0 <2.0.0', 'v1.x', '^1.x'])
    .map((version): Row => [`the range ${version}`, serverJson({ version }), 'version', /not a range/]),
  ['a $schema that is no URL', serverJson({ $schema: '2025-12-11' }), '$schema', /absolute/],
  ['a website without a scheme', serverJson({ websiteUrl: 'example.com' }), 'websiteUrl', /absolute/],
  [
    'a website that is a script',
    serverJson({ websiteUrl: 'javascript:alert(1)' }),
    'websiteUrl',
    /https or http/,
  ],
  ['a website with a space', serverJson({ websiteUrl: 'https://example.com/a b' }), 'websiteUrl', /absolute/],
  ['icons that are an object', serverJson({ icons: {} }), 'icons', /must be an array/],
  ['an icon without a src', serverJson({ icons: [{}] }), 'icons.0.src', /is required/],
  ['an icon over http', inIcon({ src: 'http://example.com/i.png' }), 'icons.0.src', /https/],
  ['an icon within the document', inIcon({ src: 'data:image/png;base64,AA==' }), 'icons.0.src', /https/],
  ['an icon of 256 characters', inIcon({ src: `https://e.com/${'x'.repeat(242)}` }), 'icons.0.src', /255/],
  ['an icon of another type', inIcon({ mimeType: 'image/gif' }), 'icons.0.mimeType', /image\/png/],
  ['an icon of no size', inIcon({ sizes: ['big'] }), 'icons.0.sizes.0', /48x48/],
  ['icon sizes that are text', inIcon({ sizes: '48x48' }), 'icons.0.sizes', /must be an array/],
  ['an icon of another theme', inIcon({ theme: 'blue' }), 'icons.0.theme', /light or dark/],
  ['a repository that is text', serverJson({ repository: 'github' }), 'repository', /must be an object/],
  [
    'a repository without a URL',
    serverJson({ repository: { source: 'github' } }),
    'repository.url',
    /is required/,
  ],
  ['a repository without a source', inRepository({ source: undefined }), 'repository.source', /is required/],
  [
    'a repository reached by ssh',
    inRepository({ url: 'git@github.com:a/b.git' }),
    'repository.url',
    /absolute/,
  ],
  [
    'a subfolder that climbs',
    inRepository({ subfolder: 'a/../../b' }),
    'repository.subfolder',
    /relative path/,
  ],
  ['a subfolder from the root', inRepository({ subfolder: '/a' }), 'repository.subfolder', /relative path/],
  ['packages that are an object', serverJson({ packages: {} }), 'packages', /must be an array/],
  [
    'a package without a registry',
    inPackage({ registryType: undefined }),
    'packages.0.registryType',
    /is required/,
  ],
  [
    'a package without an identifier',
    inPackage({ identifier: undefined }),
    'packages.0.identifier',
    /is required/,
  ],
  ['a package whose name has a space', inPackage({ identifier: 'a b' }), 'packages.0.identifier', /spaces/],
  ['a package without a transport', inPackage({ transport: undefined }), 'packages.0.transport', /type/],
  [
    'a package of an unknown transport',
    inPackage({ transport: { type: 'ws' } }),
    'packages.0.transport.type',
    /stdio/,
  ],
  [
    'a stdio package with a URL',
    inPackage({ transport: { type: 'stdio', url: 'https://a.b' } }),
    'packages.0.transport.url',
    /absent/,
  ],
  [
    'an http package without a URL',
    inPackage({ transport: { type: 'sse' } }),
    'packages.0.transport.url',
    /is required/,
  ],
  [
    'a package URL with an unknown variable',
    inPackage({ transport: { type: 'sse', url: 'http://localhost:{port}/sse' } }),
    'packages.0.transport.url',
    /\{port\}/,
  ],
  ['a package of the version latest', inPackage({ version: 'latest' }), 'packages.0.version', /reserved/],
  ['a package of a range', inPackage({ version: '^1.0.0' }), 'packages.0.version', /not a range/],
  ['a package with an empty version', inPackage({ version: '' }), 'packages.0.version', /empty/],
  ['a hash in capitals', inPackage({ fileSha256: 'F'.repeat(64) }), 'packages.0.fileSha256', /64 hex/],
  [
    'an mcpb package without a hash',
    inPackage({ registryType: 'mcpb' }),
    'packages.0.fileSha256',
    /is required/,
  ],
  [
    'a package registry over ftp',
    inPackage({ registryBaseUrl: 'ftp://a.b' }),
    'packages.0.registryBaseUrl',
    /https/,
  ],
  [
    'an argument without a type',
    inPackage({ packageArguments: [{ name: '--a' }] }),
    'packages.0.packageArguments.0.type',
    /positional or named/,
  ],
  [
    'a positional argument without a value',
    inPackage({ packageArguments: [{ type: 'positional' }] }),
    'packages.0.packageArguments.0.valueHint',
    /is required/,
  ],
  [
    'a named argument without a name',
    inPackage({ runtimeArguments: [{ type: 'named' }] }),
    'packages.0.runtimeArguments.0.name',
    /is required/,
  ],
  [
    'a flag with its value',
    inPackage({ runtimeArguments: [{ type: 'named', name: '--port 80' }] }),
    'packages.0.runtimeArguments.0.name',
    /flag alone/,
  ],
  [
    'a variable of the environment without a name',
    inPackage({ environmentVariables: [{ value: 'x' }] }),
    'packages.0.environmentVariables.0.name',
    /is required/,
  ],
  [
    'a secret that is the word yes',
    inPackage({ environmentVariables: [{ name: 'A', isSecret: 'yes' }] }),
    'packages.0.environmentVariables.0.isSecret',
    /true or false/,
  ],
  [
    'an input of an unknown format',
    inPackage({ environmentVariables: [{ name: 'A', format: 'date' }] }),
    'packages.0.environmentVariables.0.format',
    /filepath/,
  ],
  [
    'a default that is a number',
    inPackage({ environmentVariables: [{ name: 'A', default: 1 }] }),
    'packages.0.environmentVariables.0.default',
    /must be a string/,
  ],
  ['remotes that are text', serverJson({ remotes: 'https://a.b' }), 'remotes', /must be an array/],
  ['a remote over stdio', inRemote({ type: 'stdio' }), 'remotes.0.type', /streamable-http or sse/],
  ['a remote without a type', inRemote({ type: undefined }), 'remotes.0.type', /streamable-http or sse/],
  ['a remote without a URL', inRemote({ url: undefined }), 'remotes.0.url', /is required/],
  ['a remote over ftp', inRemote({ url: 'ftp://example.com' }), 'remotes.0.url', /http or https/],
  ['a remote with a space', inRemote({ url: 'https://example.com/a b' }), 'remotes.0.url', /http or https/],
  ['a remote that is only a scheme', inRemote({ url: 'https://:80' }), 'remotes.0.url', /is not a URL/],
  [
    'a remote URL of 2,049 characters',
    inRemote({ url: `https://e.com/${'x'.repeat(2035)}` }),
    'remotes.0.url',
    /2048/,
  ],
  [
    'a remote with an unknown variable',
    inRemote({ url: 'https://{tenant}.example.com' }),
    'remotes.0.url',
    /\{tenant\}/,
  ],
  [
    'a header without a name',
    inRemote({ headers: [{ value: 'x' }] }),
    'remotes.0.headers.0.name',
    /is required/,
  ],
  ['variables that are a list', inRemote({ variables: [] }), 'remotes.0.variables', /object of inputs/],
  [
    'a tag in capitals',
    serverJson({ _meta: { 'mcp-registry-gateway/server': { tags: ['Finance'] } } }),
    '_meta.mcp-registry-gateway/server.tags.0',
    /a-z/,
  ],
  ['a status of its own', serverJson({ status: 'active' }), 'status', /registry alone/],
  [
    'official metadata of its own',
    serverJson({ _meta: { 'io.modelcontextprotocol.registry/official': {} } }),
    '_meta.io.modelcontextprotocol.registry/official',
    /registry alone/,
  ],
  [
    'publisher metadata that is text',
    serverJson({ _meta: { 'io.modelcontextprotocol.registry/publisher-provided': 'x' } }),
    '_meta.io.modelcontextprotocol.registry/publisher-provided',
    /must be an object/,
  ],
  [
    'publisher metadata of more than 4 KiB',
    serverJson({
      _meta: { 'io.modelcontextprotocol.registry/publisher-provided': { a: 'x'.repeat(4_096) } },
    }),
    '_meta.io.modelcontextprotocol.registry/publisher-provided',
    /longer than 4096/,
  ],
  [
    'a document of more than 32,000 characters',
    serverJson({ 'x-long': 'x'.repeat(32_000) }),
    '',
    /longer than 32000/,
  ],
  ['a document nested too deep', serverJson({ 'x-deep': deep(100) }), '', /nested deeper/],
  [
    'a document with 10,001 keys',
    serverJson({ 'x-wide': Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, 0])) }),
    '',
    /more than 10000 keys/,
  ],
  [
    'a key that changes prototypes',
    JSON.parse('{"name":"a/b","description":"x","version":"1","x":{"__proto__":{}}}'),
    '',
    /__proto__/,
  ],
];
