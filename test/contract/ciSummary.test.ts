import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reports-'));
});
afterEach(() => rm(folder, { recursive: true }));

const tested = (status: string, title: string, ...ancestorTitles: readonly string[]) => ({
  status,
  title,
  ancestorTitles,
});
const file = (name: string, assertionResults: readonly object[], message = '') => ({
  name: join(root, name),
  status: 'failed',
  message,
  assertionResults,
});

async function summarize(reports: Readonly<Record<string, object>>) {
  const args: string[] = [];
  for (const [name, report] of Object.entries(reports)) {
    const path = join(folder, `${name}.json`);
    await writeFile(path, JSON.stringify(report));
    args.push(name, path);
  }
  return summary(...args);
}

async function summary(...args: readonly string[]) {
  const started = run(process.execPath, ['.ci/summary.js', ...args], { cwd: root });
  const [{ code }, output] = await Promise.all([started.ended, started.printed(/ failed\n$/)]);
  return { code, lines: output.split('\n').slice(0, -1) };
}

test('the failed tests of all runs are named above the sums', async () => {
  const passing = tested('passed', 'works');
  const fresh = {
    numPassedTests: 5,
    numFailedTests: 1,
    testResults: [
      file('test/unit/a.test.ts', [passing, tested('failed', 'adds', 'a sum', 'of two')]),
      { ...file('test/unit/b.test.ts', [passing]), status: 'passed' },
    ],
  };
  const full = {
    numPassedTests: 7,
    numFailedTests: 0,
    testResults: [
      file('test/e2e/c.test.ts', [], 'it does not load\nRequire stack'),
      file('test/e2e/d.test.ts', [passing, tested('skipped', 'reads')]),
    ],
  };
  expect(await summarize({ fresh, full })).toEqual({
    code: 0,
    lines: [
      'failed in fresh: test/unit/a.test.ts > a sum > of two > adds',
      'failed in full: test/e2e/c.test.ts: it does not load',
      'failed in full: test/e2e/d.test.ts: a hook failed',
      '12 passed, 1 failed',
    ],
  });
});

test('a run without a report fails, without sums', async () => {
  expect(await summary('fresh', join(folder, 'missing.json'))).toEqual({ code: 1, lines: [] });
});
