import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

const END = '<!-- End of the part that `npm run docs` makes. -->';

/**
 * Returns a page of the documentation with the part that is made from `source` replaced. The prose around it stays.
 * @throws if the page has lost the marks around the part
 */
export async function withMadePart(page: string, source: string, part: string): Promise<string> {
  const begin = `<!-- Made by \`npm run docs\` from ${source}. -->`;
  const text = await readFile(page, 'utf8');
  const [head, rest] = text.split(begin);
  const [, ...after] = rest?.split(END) ?? [];
  if (head === undefined || after.length === 0)
    throw new Error(`${page} has lost the mark ${begin} or ${END}`);
  const made = [begin, part, END].join('\n\n');
  return format(head + made + after.join(END), { ...(await resolveConfig(page)), parser: 'markdown' });
}
