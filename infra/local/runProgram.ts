import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { LocalError } from './localError.ts';

export interface ProgramOptions {
  /** The whole environment. The one of this process by default. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined;
}

const LAST_LINES = 5;

/**
 * Runs a program and returns what it printed on stdout. Nothing reads from the terminal, so a program that asks ends.
 * @throws LocalError with the last lines that it printed when it is missing or ends with another exit code than 0.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env, cwd, signal }: ProgramOptions = {},
): Promise<string> {
  const child = spawn(...commandOf(program, args), {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: isScriptOfWindows(program),
    ...(env && { env }),
    ...(cwd !== undefined && { cwd }),
    ...(signal && { signal }),
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('close', resolve);
  });
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === 0) return output;
  signal?.throwIfAborted();
  const name = basename(program);
  if (child.pid === undefined)
    throw new LocalError(`${name} cannot be started (${String(code)}): install it, or put it on the PATH`);
  const said = errors.trim() === '' ? output : errors;
  const last = said.trimEnd().split('\n').slice(-LAST_LINES).join('\n      ');
  throw new LocalError(`${name} ${args.slice(0, 3).join(' ')} ended with exit code ${String(code)}: ${last}`);
}

/** Of the programs that are run here, npm and az are batch files on Windows, which only a shell can start. */
const isScriptOfWindows = (program: string): boolean =>
  process.platform === 'win32' && ['npm', 'az'].includes(program);

function commandOf(program: string, args: readonly string[]): [string, string[]] {
  if (!isScriptOfWindows(program)) return [program, [...args]];
  const unsafe = args.find((arg) => /["%^&|<>\n]/.test(arg));
  if (unsafe !== undefined) throw new LocalError(`the argument ${unsafe} cannot be passed to ${program}`);
  return [program, args.map((arg) => `"${arg}"`)];
}
