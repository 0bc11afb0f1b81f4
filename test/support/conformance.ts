import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const root = resolve(import.meta.dirname, '../..');
const suite = join(root, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

export interface Verdict {
  readonly scenario: string;
  /** Whether every check passed, those that the suite only warns of too. */
  readonly passed: boolean;
  /** Whether the requirement set counts it. */
  readonly scored: boolean;
}

/** Runs the official conformance suite, with the scenarios that a revision of the specification requires, against a server. */
export function runConformance(url: string, requirements: string): Promise<readonly Verdict[]> {
  return runSuite(['server', '--url', url, '--requirements', requirements]);
}

/**
 * The same for a client: the suite starts `program` once for each of its own servers, with the server's URL as the last
 * argument. All at once, so that one must be given time for all.
 */
export function runClientConformance(
  program: string,
  requirements: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly Verdict[]> {
  const command = `${process.execPath} ${program}`;
  return runSuite(
    ['client', '--command', command, '--requirements', requirements, '--timeout', '120000'],
    env,
  );
}

async function runSuite(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Verdict[]> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const child = spawn(process.execPath, [suite, ...args, '-o', results], {
      cwd: results,
      env: { ...process.env, ...env },
    });
    const [output] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [, summary = '', unscored = ''] = output.split(/=== (?:SUITE )?SUMMARY ===|\nNot scored for /);
    const notCounted = new Set([...unscored.matchAll(/^ {2}[✓✗] (\S+)/gm)].map(([, name]) => name));
    return [...summary.matchAll(/^[✓✗] (\S+): \d+ passed, (\d+) failed(?:, (\d+) warnings)?/gm)].map(
      ([, scenario = '', failed, warned = '0']) => ({
        scenario,
        passed: failed === '0' && warned === '0',
        scored: !notCounted.has(scenario),
      }),
    );
  } finally {
    await rm(results, { recursive: true });
  }
}
