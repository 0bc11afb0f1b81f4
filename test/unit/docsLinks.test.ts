import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })];

/** Returns the page without its code, whose brackets are no links and whose `#` is no heading. */
const prose = (page: string): string =>
  read(page)
    .replaceAll(/^(`{3,}).*\n[^]*?^\1$/gm, '')
    .replaceAll(/<!--[^]*?-->/g, '');

/** Returns the anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(page).matchAll(/^#{1,6} +(.+)$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const anchor = text
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let numbered = anchor;
    for (let number = 1; anchors.has(numbered); number++) numbered = `${anchor}-${number}`;
    anchors.add(numbered);
  }
  return anchors;
}

/** Returns what is wrong with a link of a page, or undefined. */
function problemOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? page : relative(root, resolve(root, dirname(page), decodeURI(path)));
  if (!existsSync(join(root, target))) return `${page}: ${link} leads to no file`;
  if (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor))
    return `${page}: ${link} leads to no heading`;
  return undefined;
}

test.each(pages)('every relative link of %s leads to a file and a heading', (page) => {
  const links = Array.from(prose(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
  const own = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(own.flatMap((link) => problemOf(page, link) ?? [])).toEqual([]);
});

test('a link to a page or a heading that is missing is found', () => {
  expect(problemOf('docs/local.md', 'deployment.md#npm-run-deploy')).toMatch(/leads to no file/);
  expect(problemOf('docs/local.md', 'deploy.md#npm-run-deploy')).toMatch(/leads to no heading/);
  expect(problemOf('docs/local.md', 'deploy.md#the-deployment-command')).toBeUndefined();
});

const sources = globSync('{functions,infra,shared,test}/**/*.{ts,js,bicep,md}', {
  cwd: root,
  exclude: (path) => /(^|[\\/])node_modules$/.test(path),
});

test('every page of docs that a source file names exists', () => {
  expect(sources.length).toBeGreaterThan(500);
  const wrong = [...sources, 'azure.yaml', 'eslint.config.js'].flatMap((source) =>
    Array.from(read(source).matchAll(/(?<![\w/])docs\/[\w/-]+\.md(?:#[\w-]+)?/g), ([link]) =>
      // A link from a page at the root.
      problemOf('README.md', link) === undefined ? [] : [`${source}: ${link}`],
    ).flat(),
  );
  expect(wrong).toEqual([]);
});
