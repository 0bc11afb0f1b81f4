import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const room = resolve(import.meta.dirname, '../../../shared/specialists');

interface Source {
  /** From the room: `mcp-debugger/findings.ts`, or `checkStores.ts` for what several agents share. */
  readonly path: string;
  readonly imports: readonly string[];
  /** Ids of the rules that the file defines; `*` stands for the variants of a family. */
  readonly rules: readonly string[];
  /** Whether the file makes a finding without a rule of a table. */
  readonly hasLooseFinding: boolean;
}

function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const rules: string[] = [];
  let hasLooseFinding = false;
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === 'defineFindings') {
      const [table] = node.arguments;
      if (table && ts.isObjectLiteralExpression(table))
        rules.push(...table.properties.map(({ name }) => name?.getText().replaceAll("'", '') ?? ''));
    }
    if (ts.isObjectLiteralExpression(node)) {
      const names = node.properties.map(({ name }) => name?.getText());
      if (['rule', 'severity', 'message', 'remedy'].every((name) => names.includes(name)))
        hasLooseFinding = true;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const imports = ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) => relative(room, resolve(dirname(file), fileName)));
  return { path: relative(room, file), imports, rules, hasLooseFinding };
}

const sources = readdirSync(room, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => readSource(join(entry.parentPath, entry.name)));

/** Files that make findings out of a table: of rules, and of the checks of the protocol. */
const makers: ReadonlySet<string> = new Set(['finding.ts', 'mcp-protocol-expert/checkServer.ts']);

const isShared = (path: string): boolean => !path.includes(sep) && path !== 'index.ts';

/** The shared files that a specialist uses, and those that these use. */
function sharedBy(agent: string): readonly Source[] {
  const found = new Set(
    sources.filter(({ path }) => path.startsWith(`${agent}${sep}`)).flatMap(({ imports }) => imports),
  );
  for (const path of found)
    for (const next of sources.find((source) => source.path === path)?.imports ?? []) found.add(next);
  return sources.filter(({ path }) => isShared(path) && found.has(path));
}

/** A variant counts as one word, so that `state_*` and `state_not_shared` are two rules. */
const matches = (family: string, id: string): boolean =>
  new RegExp(`^${family.replace('*', '[a-z]+')}$`).test(id);

/** Pairs of rules whose findings would have the same id. */
const sameIds = (ids: readonly string[]): readonly string[] =>
  ids.flatMap((id, index) =>
    ids
      .filter((other, at) => at !== index && (other === id || (id.includes('*') && matches(id, other))))
      .map((other) => `${id} is ${other} too`),
  );

describe('the finding rules of a specialist', () => {
  const agents = [...new Set(sources.flatMap(({ path }) => (path.includes(sep) ? path.split(sep, 1) : [])))];

  test.each(agents)('%s: an id is that of one rule', (agent) => {
    const own = sources.filter(({ path }) => path.startsWith(`${agent}${sep}`));
    expect(sameIds([...own, ...sharedBy(agent)].flatMap(({ rules }) => rules))).toEqual([]);
  });

  test.each(agents)('%s: with a table of rules, it makes no finding without one', (agent) => {
    const own = sources.filter(({ path }) => path.startsWith(`${agent}${sep}`));
    if (own.every(({ rules }) => rules.length === 0)) return;
    const loose = [...own, ...sharedBy(agent)].filter(
      ({ path, hasLooseFinding }) => hasLooseFinding && !makers.has(path),
    );
    expect(loose.map(({ path }) => path)).toEqual([]);
  });

  test('are found at all', () => {
    expect(sources.flatMap(({ rules }) => rules).length).toBeGreaterThan(0);
  });

  test('a rule that is defined twice, or by a family too, is noticed', () => {
    expect(sameIds(['table_missing', 'table_slow', 'table_missing'])).toHaveLength(2);
    expect(sameIds(['table_*', 'table_slow', 'tables_slow'])).toEqual(['table_* is table_slow too']);
  });
});

/** Imports of a file that lead into the folder of another agent. */
const foreignImports = ({ path, imports }: Pick<Source, 'path' | 'imports'>): readonly string[] => {
  const [agent = ''] = path.split(sep, 1);
  return imports.filter(
    (target) => !target.startsWith('..') && target.includes(sep) && !target.startsWith(`${agent}${sep}`),
  );
};

describe('the folder of an agent', () => {
  test('imports shared files only, and no folder of another agent', () => {
    const own = sources.filter(({ path }) => path.includes(sep));
    expect(own.flatMap(foreignImports)).toEqual([]);
  });

  test('that imports another agent is noticed', () => {
    const imports = ['mcp-debugger/tasks.ts', 'finding.ts', join('..', 'platform', 'base', 'ids.ts')];
    expect(foreignImports({ path: 'mcp-orchestrator/a.ts', imports })).toEqual(['mcp-debugger/tasks.ts']);
  });
});
