import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

/**
 * Returns a page of the documentation with the part that `command` makes from `source` replaced. The prose around it stays.
 * @throws if the page does not hold each of the two marks around the part exactly once
 */
export async function withMadePart(
  page: string,
  source: string,
  part: string,
  command = 'npm run docs',
): Promise<string> {
  const begin = `<!-- Made by \`${command}\` from ${source}. -->`;
  const end = `<!-- End of the part that \`${command}\` makes. -->`;
  const text = await readFile(page, 'utf8');
  const [head = '', ...afterBegin] = text.split(begin);
  const [, ...afterEnd] = text.split(end);
  for (const [mark, found] of [
    [begin, afterBegin.length],
    [end, afterEnd.length],
  ] as const) {
    if (found !== 1) throw new Error(`${page} must hold the mark ${mark} once, not ${found} times`);
  }
  const [tail = ''] = afterEnd;
  if (text.indexOf(begin) > text.indexOf(end)) throw new Error(`${page} has the mark ${end} before ${begin}`);
  const made = [begin, part, end].join('\n\n');
  return format(head + made + tail, { ...(await resolveConfig(page)), parser: 'markdown' });
}
