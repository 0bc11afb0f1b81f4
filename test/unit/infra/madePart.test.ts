import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withMadePart } from '../../../infra/madePart.ts';

const begin = '<!-- Made by `npm run docs` from a.ts. -->';
const end = '<!-- End of the part that `npm run docs` makes. -->';

async function replaced(...paragraphs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'made-part-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  await writeFile(page, paragraphs.join('\n\n'));
  return withMadePart(page, 'a.ts', 'new');
}

test('the part between the marks is replaced, and the prose around it stays', async () => {
  const page = await replaced('before', begin, 'old', end, 'after');
  expect(page.trim().split('\n\n')).toEqual(['before', begin, 'new', end, 'after']);
});

test.each([
  { why: 'the first mark is missing', page: [end, 'prose'], message: 'once, not 0 times' },
  { why: 'the last mark is missing', page: [begin, 'prose'], message: 'once, not 0 times' },
  { why: 'the part stands there twice', page: [begin, end, 'prose', begin, end], message: 'not 2 times' },
  { why: 'the first mark is doubled', page: [begin, 'prose', begin, end], message: 'not 2 times' },
  { why: 'the last mark is doubled', page: [begin, end, 'prose', end], message: 'not 2 times' },
  { why: 'the marks are in the wrong order', page: [end, 'prose', begin], message: 'before' },
])('a page is refused, so that no prose is lost, when $why', async ({ page, message }) => {
  await expect(replaced(...page)).rejects.toThrow(message);
});
