import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { trimmed } from '../../../infra/agentDocs/examples.ts';
import { fieldsOf } from '../../../infra/agentDocs/fields.ts';
import { agentDocs, docsFile } from '../../../infra/agentDocs/main.ts';
import { renderAgentDocs } from '../../../infra/agentDocs/render.ts';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { taskSchemas } from '../../../shared/orchestration/tasks/taskSchemas.ts';
import { succeed } from '../../../shared/platform/base/result.ts';

test('docs/agents.md is as the code has it: else run `node infra/agentDocs/main.ts`', async () => {
  expect(await readFile(docsFile, 'utf8')).toBe(await agentDocs());
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
  const text = renderAgentDocs(taskCatalogue([look, ...shared]), {
    'mcp-debugger': { look: { input: {}, result: { found: ['it'] } } },
  });

  test('has its description, fields, defaults and example', () => {
    for (const part of [
      '### `look`',
      'Looks at it.',
      'Its result takes `audit.read` and `system.read`.',
      '| `depth` | whole number (3 when absent) | How deep \\| or not. |',
      '| `mode` | "fast" or "slow" (optional) |',
      '| `of.slug` | text | Which. |',
      '| `found` | list of text | What was there. |',
      '"it"',
    ])
      expect(text).toContain(part);
  });

  test('is there once for what every agent can do', () => {
    expect(text.split('### `hello`')).toHaveLength(2);
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
