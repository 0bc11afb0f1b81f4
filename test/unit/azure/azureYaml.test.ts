import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageFolder } from '../../../infra/package.ts';
import topology from '../../../infra/topology.json' with { type: 'json' };
import packageJson from '../../../package.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '../../..');
const parameters = join(root, 'infra/azure/main.bicepparam');

const command = (prefix: string) => z.templateLiteral([prefix, z.string()]);
const hook = z.strictObject({
  posix: z.strictObject({ shell: z.literal('sh'), run: command('npm run ') }),
  // `npm` would be a script of PowerShell, which keeps `--` for itself.
  windows: z.strictObject({ shell: z.literal('pwsh'), run: command('npm.cmd run ') }),
});
const service = z.strictObject({
  project: z.string(),
  host: z.literal('function'),
  language: z.literal('js'),
  // The package is complete. A build on the server would look for sources.
  remoteBuild: z.literal(false),
  uses: z.array(z.string()).optional(),
});

/**
 * The keys of azd that the project uses, with their types. azd ignores a key that it does not know, such as a misspelt
 * `remotebuild`, and so does its published schema.
 */
const azureYaml = z.strictObject({
  name: z.string(),
  requiredVersions: z.strictObject({ azd: z.string().regex(/^>= \d+\.\d+\.\d+$/) }),
  infra: z.strictObject({
    provider: z.literal('bicep'),
    path: z.literal('infra/azure'),
    module: z.literal('main'),
  }),
  services: z.record(z.string(), service),
  hooks: z.partialRecord(
    z.enum(['preup', 'preprovision', 'postprovision', 'prepackage', 'predeploy', 'postdeploy']),
    hook,
  ),
  pipeline: z.strictObject({ provider: z.literal('github'), variables: z.array(z.string()) }),
});

/** Returns what azd would not understand, or would do otherwise than meant. */
function problemsOf(text: string): readonly string[] {
  const read = azureYaml.safeParse(parse(text));
  if (!read.success) return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const { services, hooks } = read.data;
  const problems: string[] = [];
  const apps = topology.apps.map(({ name }) => name).sort();
  if (Object.keys(services).sort().join() !== apps.join())
    problems.push(`the services must be ${apps.join()}`);
  for (const [name, { project, uses = [] }] of Object.entries(services)) {
    if (resolve(root, project) !== packageFolder)
      problems.push(`${name}: the package is not staged in ${project}`);
    problems.push(...uses.filter((used) => !(used in services)).map((used) => `${name} uses ${used}`));
  }
  for (const [name, { posix, windows }] of Object.entries(hooks)) {
    const [run = '', script = ''] = /^npm run (\S+)/.exec(posix.run) ?? [];
    if (!(script in packageJson.scripts)) problems.push(`${name}: package.json has no script ${script}`);
    if (windows.run !== posix.run.replace(run, `npm.cmd run ${script}`))
      problems.push(`${name}: the commands of posix and windows differ`);
  }
  return problems;
}

const text = readFileSync(join(root, 'azure.yaml'), 'utf8');

test('azure.yaml has known keys of the right types, the apps of the topology, and hooks that exist', () => {
  expect(problemsOf(text)).toEqual([]);
});

describe('a fault in azure.yaml is found:', () => {
  test.each<[why: string, from: string, to: string]>([
    ['a key that azd does not know', 'remoteBuild: false', 'remotebuild: false'],
    ['a hook that azd does not know', 'prepackage:', 'prepackge:'],
    ['a hook without a script', 'npm run package', 'npm run pack'],
    ['a hook that does something else on Windows', 'npm.cmd run package', 'npm.cmd run build'],
    ['a hook of PowerShell that loses its options', 'npm.cmd run smoke', 'npm run smoke'],
    ['a build on the server', 'remoteBuild: false', 'remoteBuild: true'],
    ['another folder than the staged one', 'project: out/package', 'project: dist'],
    ['a service that is no app', 'management:', 'manager:'],
    ['a service that uses no service', 'uses: [mcp]', 'uses: [mpc]'],
    ['a version that is no range', `'>= 1.27.0'`, '1.27'],
    ['another folder of the Bicep', 'path: infra/azure', 'path: infra'],
  ])('%s', (_why, from, to) => {
    expect(text).toContain(from);
    expect(problemsOf(text.replace(from, to))).not.toEqual([]);
  });
});

test('the devcontainer and the workflow install the same version of azd, which azure.yaml allows', () => {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const versions = [
    /azd:\d+": \{ "version": "([\d.]+)"/.exec(read('.devcontainer/devcontainer.json')),
    /setup-azd@.*\n\s+with:\n\s+version: ([\d.]+)/.exec(read('.github/workflows/azure-dev.yml')),
  ].map((found) => found?.[1]);
  const [least] = />= (.*)/.exec(azureYaml.parse(parse(text)).requiredVersions.azd)?.slice(1) ?? [];
  expect(new Set(versions)).toEqual(new Set([expect.stringMatching(/^\d+\.\d+\.\d+$/)]));
  expect(
    [least, versions[0]].toSorted((one = '', other = '') =>
      one.localeCompare(other, 'en', { numeric: true }),
    ),
  ).toEqual([least, versions[0]]);
});

test('the pipeline hands on every setting that the parameters read', () => {
  const read = readFileSync(parameters, 'utf8').matchAll(/readEnvironmentVariable\('(MREG_\w+)'/g);
  const names = Array.from(read, ([, name]) => name).sort();
  expect(azureYaml.parse(parse(text)).pipeline.variables).toEqual(names);
});
