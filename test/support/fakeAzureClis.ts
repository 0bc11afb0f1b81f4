import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a fake program does: what it prints and how it ends, for arguments that match. */
export interface FakeAnswer {
  readonly args: RegExp;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
}

export interface FakeClis {
  /** A folder for the PATH. */
  readonly folder: string;
  /** Puts a program into the folder. Its first answer that matches counts. */
  add(name: 'az' | 'azd', answers: readonly FakeAnswer[]): Promise<void>;
  /** The arguments of every call so far. */
  calls(): Promise<readonly (readonly string[])[]>;
  remove(): Promise<void>;
}

/** Stand-ins of the command lines of Azure: scripts that record their arguments. They run on POSIX systems. */
export async function fakeAzureClis(): Promise<FakeClis> {
  const folder = await mkdtemp(join(tmpdir(), 'azure-clis-'));
  const log = join(folder, 'calls.jsonl');
  await writeFile(log, '');
  return {
    folder,
    async add(name, answers) {
      const table = answers.map(({ args, ...answer }) => ({ args: args.source, ...answer }));
      const file = join(folder, name);
      await writeFile(
        file,
        `#!${process.execPath}
const args = process.argv.slice(2);
require('node:fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify(['${name}', ...args]) + '\\n');
const answer = ${JSON.stringify(table)}.find((one) => new RegExp(one.args).test(args.join(' '))) ?? { code: 9 };
process.stdout.write(answer.stdout ?? '');
process.stderr.write(answer.stderr ?? '');
process.exitCode = answer.code ?? 0;
`,
      );
      await chmod(file, 0o755);
    },
    calls: async () =>
      (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as string[]),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
