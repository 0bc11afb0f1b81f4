import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import type { Check } from '../../../shared/specialists/mcp-protocol-expert/checks/check.ts';
import { checkFamilies, checks } from '../../../shared/specialists/mcp-protocol-expert/checks/table.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../../docs/protocol-checks.md');

const HEAD = `# Protocol checks

\`mcp_specification_compliance\`, a task of the \`mcp-protocol-expert\`, sends some 30 requests to a registered server, calls none of
its tools, and checks the answers against the MCP specification of the server's era: ${checks.length} checks. Each check is passed, failed,
or not applicable, with the reason. Each failed check is a finding: what the server did, the section of the specification, and what
to do. \`generate_compliance_report\` checks all active servers. \`handle_protocol_violation\` checks the server that an event names.

\`probe\` says what a server gets. A check whose request is not sent does not apply.

| \`probe\`    | what is sent                                                                                        | default of                                                                               |
| ---------- | --------------------------------------------------------------------------------------------------- | ---------------------------------------------------------------------------------------- |
| \`gentle\`   | requests that every client sends: the handshake, the lists, a ping, a listening stream              | \`generate_compliance_report\`, so \`POST /reports\` too; always \`handle_protocol_violation\` |
| \`thorough\` | also malformed messages, wrong headers, and methods, tools, prompts and resources that do not exist | \`mcp_specification_compliance\`                                                           |

A server may log the messages of a thorough probe as errors, or count them as an attack. \`POST /reports\` sends them only with
\`{"probe": "thorough"}\`.

\`\`\`sh
curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  'http://127.0.0.1:8000/delegations?wait=30' \\
  -d '{"taskType": "mcp_specification_compliance", "input": {"slug": "inventory"}}'
\`\`\`

The severity is \`critical\` if the specification says MUST, \`warning\` if it says SHOULD, and \`info\` if it leaves the matter open.
There is one exception, \`foreign_origin_refused\`: the SDKs leave this MUST to the operator of a server, and a proxy may do it.
The last two columns name the section of the specification: put \`https://modelcontextprotocol.io/specification/\` in front of them.

A check that a later version of the 2025 era added does not apply to a server that speaks an earlier version.
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
      '| check | severity | what a server must do | 2025 | 2026 |',
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

test('no other finding of the agent has the name of a check', () => {
  const path = '../../../shared/specialists/mcp-protocol-expert/findings.ts';
  const text = readFileSync(resolve(import.meta.dirname, path), 'utf8');
  const others = [...text.matchAll(/^ {2}(\w+): \(/gm)].map(([, id]) => id);
  expect(others.length).toBeGreaterThan(20);
  expect(checks.filter(({ id }) => others.includes(id))).toEqual([]);
});

test('every reference names a revision of its era', () => {
  const revisions = { legacy: /^2025-(03-26|06-18|11-25)\//, modern: /^2026-07-28\// };
  const wrong = checks.filter(({ spec }) =>
    (['legacy', 'modern'] as const).some((era) => spec[era] !== undefined && !revisions[era].test(spec[era])),
  );
  expect(wrong.map(({ id }) => id)).toEqual([]);
});
