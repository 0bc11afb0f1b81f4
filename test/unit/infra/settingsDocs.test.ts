import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { settingsDocs, settingsDocsFile } from '../../../infra/settingsDocs.ts';
import { settingNames } from '../../../shared/platform/config/settings.ts';

test('docs/configuration.md is as the table of settings has it: else run `npm run docs`', async () => {
  expect(await readFile(settingsDocsFile, 'utf8')).toBe(await settingsDocs());
});

test('every setting has its line', async () => {
  const text = await settingsDocs();
  for (const name of settingNames) expect(text).toMatch(new RegExp(`^\\| \`${name}\` +\\| `, 'm'));
});
