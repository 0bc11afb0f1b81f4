import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

/**
 * Returns a page of the documentation with the part that `command` makes from `source` replaced. The prose around it stays.
 * @throws if the page has lost the marks around the part
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
  const [head, rest] = text.split(begin);
  const [, ...after] = rest?.split(end) ?? [];
  if (head === undefined || after.length === 0)
    throw new Error(`${page} has lost the mark ${begin} or ${end}`);
  const made = [begin, part, end].join('\n\n');
  return format(head + made + after.join(end), { ...(await resolveConfig(page)), parser: 'markdown' });
}
