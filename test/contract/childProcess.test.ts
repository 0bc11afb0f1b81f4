import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const STUBBORN = fileURLToPath(new URL('../support/stubbornChild.ts', import.meta.url));

let child: ChildProcess;
afterEach(() => child.kill('SIGKILL'));

test.each([
  { how: 'never ends', says: 'Stubborn: did not stop within 200 ms\n' },
  { how: 'fails', says: 'Stubborn: cannot close\n' },
])('a stop that $how ends the process with one line and exit code 1', async ({ how, says }) => {
  child = fork(STUBBORN, [how], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let stderr = '';
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
  await once(child, 'message');
  child.kill('SIGINT');
  child.kill('SIGTERM'); // a second signal changes nothing
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(stderr).toBe(says);
});
