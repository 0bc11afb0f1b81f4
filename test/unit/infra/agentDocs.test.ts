import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { trimmed } from '../../../infra/agentDocs/examples.ts';
import { fieldsOf } from '../../../infra/agentDocs/fields.ts';
import { agentDocs, docsDir } from '../../../infra/agentDocs/main.ts';
import { renderAgentDocs } from '../../../infra/agentDocs/render.ts';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { defineTask, taskSchemas } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';

describe('docs/agents.md and the pages of the agents are as the code has them: else run `npm run docs`', async () => {
  const pages = await agentDocs();

  test.each([...pages])('%s', async (path, text) => {
    expect(await readFile(join(docsDir, path), 'utf8')).toBe(text);
  });

  test('and there is no other page', async () => {
    const found = (await readdir(join(docsDir, 'agents'))).map((name) => `agents/${name}`);
    expect(['agents.md', ...found].sort()).toEqual([...pages.keys()].sort());
  });

  test('each link of the index leads to a task', () => {
    const index = pages.get('agents.md') ?? '';
    const links = [...index.matchAll(/\]\((agents\/[\w-]+\.md)#(\w+)\)/g)];
    expect(links.length).toBeGreaterThan(60);
    for (const [, path = '', task = ''] of links) expect(pages.get(path)).toContain(`## \`${task}\`\n`);
  });

  test('a name that is older than the gateway says what the task looks at here', () => {
    const row = (task: string) =>
      new RegExp(`^\\| \\[\`${task}\`\\].*$`, 'm').exec(pages.get('agents.md') ?? '')?.[0];
    expect(row('docker_orchestration')).toContain('no Docker containers');
    expect(row('azure_container_deployment')).toContain('in place of containers');
    expect(row('oauth_proxy_integration')).toContain('no OAuth proxy');
  });
});

const common = {
  permissions: ['audit.read', 'system.read'] as const,
  description: 'Looks at it.',
  timeoutMs: 5_000,
  output: z.object({ found: z.array(z.string()).describe('What was there.') }),
  run: () => Promise.resolve(succeed({ found: [] })),
};
const input = z.strictObject({
  depth: z.int().default(3).describe('How deep | or not.'),
  mode: z.enum(['fast', 'slow']).optional(),
  of: z.object({ slug: z.string().describe('Which.') }),
});
const look = defineTask({ ...common, name: 'look', agent: 'mcp-debugger', input });
const shared = agentNames.map((agent) =>
  defineTask({ ...common, name: 'hello', agent, input: z.object({}) }),
);

describe('the documentation of a task', () => {
  const pages = renderAgentDocs(taskCatalogue([look, ...shared]), {
    'mcp-debugger': { look: { input: {}, result: { found: ['it'] } } },
  });
  const index = pages.get('agents.md');

  test('has its description, fields, defaults and example', () => {
    for (const part of [
      '## `look`',
      'Looks at it.',
      'Its result takes `audit.read` and `system.read`.',
      '| `depth` | whole number (3 when absent) | How deep \\| or not. |',
      '| `mode` | "fast" or "slow" (optional) |',
      '| `of.slug` | text | Which. |',
      '| `found` | list of text | What was there. |',
      '"it"',
    ])
      expect(pages.get('agents/mcp-debugger.md')).toContain(part);
    expect(index).toContain('| [`look`](agents/mcp-debugger.md#look) | Looks at it. |');
  });

  test('is there once for what every agent can do', () => {
    expect([...pages.values()].join().split('## `hello`')).toHaveLength(2);
    expect(index).toContain('### `hello`');
  });
});

test('a field that has no schema is shown as anything', () => {
  const odd = z.object({ it: z.custom<Date>() });
  expect(fieldsOf(taskSchemas({ input: odd, output: odd }).input)).toMatchObject([{ type: 'anything' }]);
});

test('an example is cut short, and names nothing of the machine', () => {
  expect(trimmed({ list: [1, 2, 3, 4], text: 'x'.repeat(200), file: `${process.cwd()}/functions` })).toEqual({
    list: [1, 2, '… 2 more'],
    text: `${'x'.repeat(160)}…`,
    file: '/app/functions',
  });
});
