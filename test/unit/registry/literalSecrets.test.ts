import { describe, expect, test } from 'vitest';
import {
  literalSecrets,
  submittedServerJsonSchema,
  withoutSecrets,
} from '../../../shared/registry/secrets/literalSecrets.ts';

const canary = 'canary5d1c';
const github = `ghp_${'a1'.repeat(15)}`;
const remote = (more: object) => ({
  remotes: [{ type: 'streamable-http', url: 'https://x.example/mcp', ...more }],
});
const pack = (more: object) => ({ packages: [{ registryType: 'npm', identifier: 'x', ...more }] });

describe('a literal secret is found, by its path', () => {
  test.each<[string, object, string]>([
    [
      'a header',
      remote({ headers: [{ name: 'Authorization', value: `Bearer ${canary}` }] }),
      'remotes.0.headers.0.value',
    ],
    [
      'a header that is a key',
      remote({ headers: [{ name: 'X-Api-Key', value: canary }] }),
      'remotes.0.headers.0.value',
    ],
    [
      'a default',
      remote({ headers: [{ name: 'X-Api-Key', default: canary }] }),
      'remotes.0.headers.0.default',
    ],
    [
      'what says so',
      remote({ headers: [{ name: 'X', isSecret: true, value: canary }] }),
      'remotes.0.headers.0.value',
    ],
    [
      'a choice',
      remote({ headers: [{ name: 'X', isSecret: true, choices: [canary] }] }),
      'remotes.0.headers.0.choices',
    ],
    [
      'a placeholder beside a secret',
      remote({ headers: [{ name: 'Cookie', value: `${canary}${canary}{x}` }] }),
      'remotes.0.headers.0.value',
    ],
    [
      'a variable of the template of a secret',
      remote({
        headers: [
          {
            name: 'Authorization',
            value: '{a} {b}',
            variables: { a: { default: 'Bearer' }, b: { default: canary } },
          },
        ],
      }),
      'remotes.0.headers.0.variables.b.default',
    ],
    [
      'a variable of a secret parameter',
      remote({
        url: 'https://x.example/{a}?key={b}',
        variables: { a: { value: 'a-long-path' }, b: { value: canary } },
      }),
      'remotes.0.variables.b.value',
    ],
    ['the name of a field', { _meta: { 'com.example/x': { [github]: 1 } } }, '_meta.com.example/x'],
    [
      'a flag with its value',
      pack({ packageArguments: [{ type: 'named', name: `--api-key=${canary}` }] }),
      'packages.0.packageArguments.0.name',
    ],
    [
      'a flag and its value with a space between them',
      pack({ packageArguments: [{ type: 'positional', value: `--api-key ${canary}` }] }),
      'packages.0.packageArguments.0.value',
    ],
    [
      'a connection string',
      pack({ environmentVariables: [{ name: 'CONNECTION', value: `Server=x;Password=${canary}` }] }),
      'packages.0.environmentVariables.0.value',
    ],
    ['a variable', remote({ variables: { token: { value: canary } } }), 'remotes.0.variables.token.value'],
    ['a parameter', remote({ url: `https://x.example/mcp?code=${canary}` }), 'remotes.0.url'],
    ['a password in a URL', remote({ url: `https://u:${canary}@x.example/mcp` }), 'remotes.0.url'],
    ['a user name in a URL', { websiteUrl: `https://${canary}@x.example/` }, 'websiteUrl'],
    [
      'the environment',
      pack({ environmentVariables: [{ name: 'GITHUB_TOKEN', value: canary }] }),
      'packages.0.environmentVariables.0.value',
    ],
    [
      'a named argument',
      pack({ packageArguments: [{ type: 'named', name: '--api-key', value: canary }] }),
      'packages.0.packageArguments.0.value',
    ],
    [
      'a flag with its value',
      pack({ packageArguments: [{ type: 'positional', value: `--token=${canary}` }] }),
      'packages.0.packageArguments.0.value',
    ],
    [
      'an argument after its flag',
      pack({
        runtimeArguments: [
          { type: 'positional', value: '--token' },
          { type: 'positional', value: canary },
        ],
      }),
      'packages.0.runtimeArguments.1.value',
    ],
    [
      'a header as an argument',
      pack({ runtimeArguments: [{ type: 'named', name: '-H', value: `Authorization: ${canary}` }] }),
      'packages.0.runtimeArguments.0.value',
    ],
    [
      'an environment as an argument',
      pack({ runtimeArguments: [{ type: 'named', name: '-e', value: `API_KEY=${canary}` }] }),
      'packages.0.runtimeArguments.0.value',
    ],
    ['a token of a known form, anywhere', { description: `try ${github}` }, 'description'],
    [
      'a field of a publisher',
      { _meta: { 'com.example/x': { apiKey: canary } } },
      '_meta.com.example/x.apiKey',
    ],
    ['the marker of a hidden value', remote({ url: 'https://x.example/mcp?code=[hidden]' }), 'remotes.0.url'],
  ])('%s', (_what, document, path) => {
    const found = literalSecrets(document);
    expect(found.map((problem) => problem.path.join('.'))).toEqual([path]);
    expect(JSON.stringify(found)).not.toMatch(/canary|ghp_/);
    const text = JSON.stringify(withoutSecrets(document));
    expect(text).not.toMatch(/canary|ghp_/);
    expect(text).toContain('[hidden]');
  });
});

test.each<[string, object]>([
  ['a placeholder', remote({ headers: [{ name: 'Authorization', value: 'Bearer {token}' }] })],
  ['an input of VS Code', remote({ headers: [{ name: 'Authorization', value: 'Bearer ${input:token}' }] })],
  ['a variable of the shell', pack({ environmentVariables: [{ name: 'API_KEY', value: '$API_KEY' }] })],
  [
    'a stand-in',
    pack({ environmentVariables: [{ name: 'API_KEY', isSecret: true, default: 'your-api-key' }] }),
  ],
  [
    'a secret without a value',
    pack({ environmentVariables: [{ name: 'API_KEY', isSecret: true, placeholder: 'key' }] }),
  ],
  [
    'an ordinary value',
    pack({
      environmentVariables: [
        { name: 'MAX_TOKENS', value: '4096' },
        { name: 'SORT_KEY', value: 'name' },
      ],
    }),
  ],
  ['an ordinary header', remote({ headers: [{ name: 'X-Region', value: 'eu' }] })],
  ['a templated parameter', remote({ url: 'https://x.example/mcp?key={key}' })],
  ['a repository over ssh', { repository: { url: 'ssh://git@github.com/x/y', source: 'github' } }],
  ['a sentence', { description: 'token: get one from https://x.example/tokens' }],
  ['a digest', pack({ fileSha256: 'a'.repeat(64) })],
])('%s is no secret', (_what, document) => {
  expect(literalSecrets(document)).toEqual([]);
  expect(withoutSecrets(document)).toBe(document);
});

test('the schema of what is handed in names each secret and tells none', () => {
  const { error } = submittedServerJsonSchema.safeParse({
    name: 'com.example/x',
    description: github,
    version: '1.0.0',
    ...remote({ headers: [{ name: 'Authorization', value: canary }] }),
  });
  expect(error?.issues.map(({ path }) => path.join('.'))).toEqual([
    'description',
    'remotes.0.headers.0.value',
  ]);
  expect(JSON.stringify(error?.issues)).not.toMatch(/canary|ghp_/);
});

test('a hostile text costs no more than its length', () => {
  const hostile = ['eyJ-', 'a', '{', 'https://', 'Bearer ', '?x=', '-----BEGIN A '].map((part) =>
    part.repeat(5_000),
  );
  const before = process.cpuUsage();
  for (const text of hostile) literalSecrets({ description: text, a: { value: text } });
  expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
});

test('a token that is the name of a field is taken out of what was stored', () => {
  expect(JSON.stringify(withoutSecrets({ [github]: 1, _meta: { x: { [github]: { token: canary } } } }))).toBe(
    '{"_meta":{"x":"[hidden]"}}',
  );
});
