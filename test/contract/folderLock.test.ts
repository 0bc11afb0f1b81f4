import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFolder } from '../../infra/local/folderLock.ts';
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('of many that lock a folder at once, one gets the lock, until it releases it', async () => {
  const locks = await Promise.all(Array.from({ length: 20 }, () => lockFolder(folder)));
  const [held, ...others] = locks.filter((lock) => lock !== undefined);
  expect(others).toEqual([]);
  expect(await lockFolder(folder)).toBeUndefined();
  held?.release();
  const next = await lockFolder(folder);
  expect(next).toBeDefined();
  next?.release();
});

test('a link to the folder has the same lock, another folder has its own', async () => {
  const held = await lockFolder(folder);
  const link = join(folder, 'link');
  await symlink(folder, link);
  expect(await lockFolder(link)).toBeUndefined();
  const parent = await lockFolder(join(folder, '..'));
  expect(parent).toBeDefined();
  parent?.release();
  held?.release();
});

test('a process that is killed leaves no lock', async () => {
  const program = `
    const { lockFolder } = await import(${JSON.stringify(join(root, 'infra/local/folderLock.ts'))});
    console.log(await lockFolder(${JSON.stringify(folder)}) ? 'locked' : 'refused');
    setInterval(() => undefined, 1_000);`;
  const holder = run(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
  expect(await holder.printed(/\n/)).toBe('locked\n');
  expect(await lockFolder(folder)).toBeUndefined();
  holder.child.kill('SIGKILL');
  await holder.ended;
  const next = await lockFolder(folder);
  expect(next).toBeDefined();
  next?.release();
});
