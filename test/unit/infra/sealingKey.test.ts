import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSealingKey } from '../../../infra/local/dataFolder.ts';
import { exampleSealingKey } from '../../../infra/local/defaults.ts';
import { developmentOnly } from '../../../shared/platform/config/environment.ts';

test('a topology has a key of its own, which stays the same and which only its owner reads', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealing-key-'));
  try {
    const file = join(folder, 'data', 'sealingKey');
    const key = await loadSealingKey(file);
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(await loadSealingKey(file)).toBe(key);
    expect(await loadSealingKey(join(folder, 'other', 'sealingKey'))).not.toBe(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('production refuses the key of the example', () => {
  expect(developmentOnly({ MREG_SEALING_KEYS: `own-key-that-is-good,${exampleSealingKey}` })).toMatchObject([
    { setting: 'MREG_SEALING_KEYS' },
  ]);
});
