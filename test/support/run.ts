import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program as someone at a terminal has started it. */
export interface Run {
  readonly child: ChildProcess;
  /** Resolves with all it has printed on stdout when that matches, or when it has ended. */
  printed(pattern: RegExp): Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

export function run(
  command: string,
  args: readonly string[],
  {
    cwd,
    env = process.env,
    uid,
  }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly uid?: number },
): Run {
  const child = spawn(command, args, { cwd, env, ...(uid !== undefined && { uid }) });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const errors = text(child.stderr);
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.once('close', (code) => {
      void errors.then((said) => {
        resolve({ code, errors: said });
      });
    });
  });
  return {
    child,
    ended,
    async printed(pattern) {
      while (!pattern.test(output) && child.exitCode === null && child.signalCode === null) await sleep(20);
      return output;
    },
  };
}
