import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const runCommand = new URL('../../infra/deploy/runCommand.ts', import.meta.url).href;

/** A command that prints `began`, and after an interruption `undoing`, and `undone` when a line comes on stdin. */
const script = `
  import { once } from 'node:events';
  import { runCommand } from ${JSON.stringify(runCommand)};
  await runCommand('npm run test', async (signal) => {
    process.stdin.resume();
    console.log('began');
    await once(signal, 'abort');
    console.log('undoing');
    await once(process.stdin, 'data');
    console.log('undone');
    process.stdin.pause();
    return false;
  });
`;

test('a Ctrl-C that npm passes on once more does not end the command before it has undone its work', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const [output, errors, ended] = [text(child.stdout), text(child.stderr), once(child, 'exit')];
  child.stdout.on('data', (line: Buffer) => {
    if (line.includes('began')) child.kill('SIGINT');
    if (line.includes('undoing')) {
      child.kill('SIGINT');
      child.stdin.write('go on\n');
    }
  });
  expect(await ended).toEqual([1, null]);
  expect([await output, await errors]).toEqual(['began\nundoing\nundone\n', '']);
});
