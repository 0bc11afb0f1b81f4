import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { LocalError } from '../local/localError.ts';
import { runProgram } from '../local/runProgram.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** Returns the values of an environment that are set. @throws LocalError when the environment is unknown, or azd is missing. */
export async function readAzdEnvironment(environment: string): Promise<Readonly<Record<string, string>>> {
  const args = ['env', 'get-values', '--environment', environment, '--output', 'json', '--no-prompt'];
  const given = z.record(z.string(), z.string()).parse(parseJson(await runProgram('azd', args)));
  // A parameter of the Bicep files that is not used is an empty text.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

/** Returns what azd or az printed as JSON. @throws LocalError when it is no JSON. */
export function parseJson(printed: string): unknown {
  try {
    return JSON.parse(printed);
  } catch {
    throw new LocalError('azd or az answered with no JSON: is it the version that docs/deploy.md names?');
  }
}

/** A value of an environment that holds JSON. */
export const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('must be JSON');
    return z.NEVER;
  }
});

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
        ? 'azd is not on the PATH. Install the Azure Developer CLI, or leave out --azd and --environment'
        : `azd env set failed for ${names}. Run it by hand to see the reason: azd env set ${pairs.join(' ')}`,
    );
  }
}
