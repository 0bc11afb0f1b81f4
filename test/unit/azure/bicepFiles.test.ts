import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bicepFolder } from './snapshot.ts';

const files = readdirSync(bicepFolder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.bicep'),
);
const read = (file: string): string => readFileSync(new URL(file, bicepFolder), 'utf8');

test('the compiler is told to ignore at most eight places, each with a reason', () => {
  const lines = files.flatMap((file) => read(file).split('\n')).filter((line) => line.includes('#disable'));
  expect(lines.length).toBeLessThanOrEqual(8);
  expect(lines.filter((line) => !/#disable-next-line [\w-]+ \/\/ .{20,}/.test(line))).toEqual([]);
  expect(files.length).toBeGreaterThan(8);
});

// A snapshot shows neither of these. Without the first, each deployment would replace the key and end all sessions.
test('a later deployment keeps the sealing key', () => {
  expect(read('modules/keyVault.bicep')).toContain('@onlyIfNotExists()\nresource sealingKeys ');
});

test('Redis gets one assignment of access at a time', () => {
  expect(read('modules/redis.bicep')).toContain('@batchSize(1)\n    resource access ');
});
