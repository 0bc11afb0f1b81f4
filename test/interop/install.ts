import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The servers and clients of other projects, with a lock file of their own. No other test needs them. */
export const programs = join(import.meta.dirname, 'programs');

/** Installs the programs, unless the lock file is the one of the last installation. Runs once before the tests. */
export default async function install(): Promise<void> {
  const lock = await readFile(join(programs, 'package-lock.json'), 'utf8');
  const installed = join(programs, 'node_modules/.installed-lock.json');
  if ((await readFile(installed, 'utf8').catch(() => undefined)) === lock) return;
  await rm(installed, { force: true });
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  execFileSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: programs,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  await writeFile(installed, lock);
}
