import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LocalError } from '../local/localError.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/**
 * Writes values into the azd environment: the named one, or else the default. No shell reads the values. On Windows, Node finds
 * `azd.exe` by itself.
 * @throws LocalError if azd is missing or fails
 */
export async function setInAzd(
  values: Readonly<Record<string, string>>,
  environment: string | undefined,
): Promise<void> {
  const pairs = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  if (pairs.length === 0) return;
  const target = environment === undefined ? [] : ['--environment', environment];
  try {
    await run('azd', ['env', 'set', ...pairs, ...target, '--no-prompt'], { timeout: TIMEOUT_MS });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const names = Object.keys(values).join(', ');
    throw new LocalError(
      isMissing
        ? 'azd is not on the PATH. Install the Azure Developer CLI, or leave out --azd'
        : `azd env set failed for ${names}. Run it by hand to see the reason: azd env set ${pairs.join(' ')}`,
    );
  }
}
