import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyPatch, libraryPatches } from '../../../infra/libraryPatches.ts';

const textOf = (file: string) =>
  readFileSync(join(import.meta.dirname, '../../../node_modules/@azure/functions/src', file), 'utf8');

describe.each(libraryPatches)('the patch of $file', (patch) => {
  test('replaces the text that it was made for', () => {
    const patched = applyPatch(patch, textOf(patch.file));
    for (const { to } of patch.changes) expect(patched).toContain(to);
    for (const name of Object.keys(patch.uses)) expect(patched).toContain(`import { ${name} } from '`);
  });

  test('is refused by any other text, with what to do', () => {
    const says = `@azure/functions/src/${patch.file} is not the text that infra/libraryPatches.ts was made for: compare`;
    expect(() => applyPatch(patch, `${textOf(patch.file)}\n`)).toThrow(says);
  });

  test('is refused where the text lacks what a change replaces', () => {
    const change = { why: '', from: 'nowhere in the text', to: '' };
    expect(() => applyPatch({ ...patch, changes: [change] }, textOf(patch.file))).toThrow('compare the two');
  });
});
