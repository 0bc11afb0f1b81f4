import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { checkFamilies, checks } from '../../../shared/specialists/mcp-protocol-expert/checks/table.ts';
import type { Check } from '../../../shared/specialists/mcp-protocol-expert/checks/check.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../../docs/protocol-checks.md');

const HEAD = `# The checks of the protocol

\`mcp_specification_compliance\`, a task of the \`mcp-protocol-expert\`, exchanges some 30 requests with a registered server, without
calling any of its tools, and holds what came back against the MCP specification of the server's era: ${checks.length} checks. Each is
passed, failed, or not applicable, with the reason; each failure is a finding, with what was seen, the section of the specification
and what to do. \`generate_compliance_report\` does it for all active servers, and \`handle_protocol_violation\` for the server that
an event names.

\`\`\`sh
curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  'http://127.0.0.1:8000/delegations?wait=30' \\
  -d '{"taskType": "mcp_specification_compliance", "input": {"slug": "inventory"}}'
\`\`\`

A severity is \`critical\` where the specification says MUST, \`warning\` where it says SHOULD, \`info\` where it leaves the matter open.
The one exception is \`foreign_origin_refused\`: a MUST that the SDKs leave to whoever deploys a server, and that a proxy may see to.
What a check refers to is found at \`https://modelcontextprotocol.io/specification/\` followed by what its row says.

A check that came with a later version of the 2025 era is not held against a server that speaks an earlier one.
`;

function row({ id, spec, since, until, severity, requires }: Check): string {
  const links = (['legacy', 'modern'] as const).map((era) => {
    const path = spec[era];
    return path === undefined ? '-' : `\`${path}\``;
  });
  const from = [since && `since ${since}`, until && `until ${until}`].filter(Boolean).join(', ');
  return `| \`${id}\` | ${severity} | ${requires}${from === '' ? '' : ` (${from})`} | ${links.join(' | ')} |`;
}

const rendered = [
  HEAD,
  ...Object.entries(checkFamilies).map(([family, members]) =>
    [
      `## ${family}\n`,
      '| check | severity | what a server has to do | 2025 | 2026 |',
      '| --- | --- | --- | --- | --- |',
      ...members.map(row),
    ].join('\n'),
  ),
].join('\n\n');

test('the table of the checks in the documentation is that of the code', async () => {
  const options = await resolveConfig(DOCUMENT);
  await expect(await format(rendered, { ...options, parser: 'markdown' })).toMatchFileSnapshot(DOCUMENT);
});

test('every check has a name of its own, in snake_case, and at least one era', () => {
  const ids = checks.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(id))).toEqual([]);
  expect(checks.filter(({ spec }) => Object.keys(spec).length === 0)).toEqual([]);
  expect(ids.length).toBeGreaterThan(40);
});

test('every reference names a revision of its era', () => {
  const revisions = { legacy: /^2025-(03-26|06-18|11-25)\//, modern: /^2026-07-28\// };
  const wrong = checks.filter(({ spec }) =>
    (['legacy', 'modern'] as const).some((era) => spec[era] !== undefined && !revisions[era].test(spec[era])),
  );
  expect(wrong.map(({ id }) => id)).toEqual([]);
});
