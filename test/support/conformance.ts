import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { spawn } from 'node:child_process';

const root = resolve(import.meta.dirname, '../..');
const suite = join(root, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

export interface Verdict {
  readonly scenario: string;
  readonly passed: number;
  readonly failed: number;
  /** Whether the requirement set counts it. */
  readonly scored: boolean;
}

/** Runs the official conformance suite, with the scenarios that a revision of the specification requires, against a server. */
export async function runConformance(url: string, requirements: string): Promise<readonly Verdict[]> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const args = [suite, 'server', '--url', url, '--requirements', requirements, '-o', results];
    const child = spawn(process.execPath, args, { cwd: results });
    const [output] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [, summary = '', unscored = ''] = output.split(/=== SUMMARY ===|\nNot scored for /);
    const notCounted = new Set([...unscored.matchAll(/^ {2}[✓✗] (\S+)/gm)].map(([, name]) => name));
    return [...summary.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)].map(
      ([, scenario = '', passed, failed]) => ({
        scenario,
        passed: Number(passed),
        failed: Number(failed),
        scored: !notCounted.has(scenario),
      }),
    );
  } finally {
    await rm(results, { recursive: true });
  }
}
