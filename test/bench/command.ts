import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** A command line that cannot be run as it stands. The message is one line for the user. */
export class WrongOptions extends Error {}

/**
 * Runs a command of the bench with its arguments. `--help` prints the usage instead. A command line that is wrong ends with one line
 * and code 2.
 */
export async function runCommand(usage: string, run: (args: string[]) => Promise<void>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return;
  }
  try {
    await run(args);
  } catch (error) {
    if (!(error instanceof WrongOptions)) throw error;
    console.error(`${error.message} (--help prints the usage)`);
    process.exitCode = 2;
  }
}

/** Reads options, and positional arguments if they may be given. @throws WrongOptions on an argument that is not known */
export function readOptions<T extends ParseArgsOptionsConfig>(
  args: string[],
  options: T,
  allowPositionals = false,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: boolean }>> {
  try {
    return parseArgs({ args, options, allowPositionals });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new WrongOptions(error.message.split(/\. |\n/, 1)[0]);
  }
}

/** Returns the parts that are named, or all when none is. @throws WrongOptions on one that is not known */
export function partsOf(args: string[], known: readonly string[]): readonly string[] {
  const { positionals } = readOptions(args, { docs: { type: 'boolean' } }, true);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new WrongOptions(`Unknown part "${unknown}"; known parts: ${known.join(', ')}`);
  return positionals.length > 0 ? positionals : known;
}
