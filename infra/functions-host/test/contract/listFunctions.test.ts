import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSample, type BuiltSample } from '../support/sampleHost.ts';

let sample: BuiltSample;
beforeAll(async () => {
  sample = await buildSample();
});
afterAll(() => sample.remove());

test('lists the functions of an app and ends, without a port, a queue or a storage account', async () => {
  const index = join(import.meta.dirname, '../../src/index.ts');
  const script = `const { listFunctions } = await import(${JSON.stringify(index)});
    console.log(JSON.stringify(await listFunctions(${JSON.stringify(sample.root)})));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { PATH: process.env['PATH'], SAMPLE_FUNCTIONS: 'http,queues,timers' },
  });
  const names = JSON.parse(stdout) as readonly string[];
  expect(names.length).toBeGreaterThan(3);
  expect(new Set(names).size).toBe(names.length);
});
