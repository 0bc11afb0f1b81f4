import { join } from 'node:path';
import { z } from 'zod';
import type { App } from '../../shared/platform/config/config.ts';
import { portsFor } from '../local/defaults.ts';
import { LocalError } from '../local/localError.ts';
import { runProgram } from '../local/runProgram.ts';
import { appSettings } from '../local/settings.ts';

/** An app registers its functions within a second. A package that hangs would hold the deployment for ever. */
const LOADS_WITHIN_MS = 60_000;

const namesSchema = z.array(z.string());

/**
 * Returns how many functions a package registers for an app. Loads the package in a process of its own, with the settings of the
 * local topology, none of which has to run. @throws LocalError when the package cannot be loaded.
 */
export async function countFunctions(
  packageFolder: string,
  app: App,
  {
    signsIn = true,
    signal,
    withinMs = LOADS_WITHIN_MS,
  }: {
    /** Whether the gateway signs people in itself. Otherwise it has no functions for that. */
    readonly signsIn?: boolean;
    readonly signal?: AbortSignal;
    readonly withinMs?: number;
  } = {},
): Promise<number> {
  const script = join(import.meta.dirname, 'listFunctions.ts');
  // No more than that: a variable of Azure or of production would make the app refuse these settings.
  const { PATH, SystemRoot } = process.env;
  const { MREG_SIGN_IN_CLIENT_ID = '', ...settings } = appSettings(app, portsFor(0));
  const env = {
    PATH,
    ...(SystemRoot !== undefined && { SystemRoot }),
    ...settings,
    ...(signsIn && { MREG_SIGN_IN_CLIENT_ID }),
  };
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new LocalError(`the package in ${packageFolder} does not start as the ${app} app`));
  }, withinMs);
  const until = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  const printed = await runProgram(process.execPath, [script, packageFolder], { env, signal: until }).finally(
    () => {
      clearTimeout(timer);
    },
  );
  return namesSchema.parse(JSON.parse(printed.trim().split('\n').at(-1) ?? '')).length;
}
