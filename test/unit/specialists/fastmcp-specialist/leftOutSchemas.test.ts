import { expect, test } from 'vitest';
import { systemClock } from '../../../../shared/platform/base/clock.ts';
import type { ServerRecord } from '../../../../shared/registry/records/server.ts';
import type { SpecialistDeps } from '../../../../shared/specialists/deps.ts';
import { structuredResponses } from '../../../../shared/specialists/fastmcp-specialist/structuredResponses.ts';
import { discovery } from '../../../support/registrations.ts';
import { serverRecord } from '../../../support/serverRecord.ts';
import { runTask } from '../../../support/taskRun.ts';

test('an output schema that the gateway leaves out is a finding, another field or item is none', async () => {
  const server = serverRecord({
    slug: 'stock',
    status: 'active',
    discovery: {
      ...discovery,
      tools: [{ name: 'count' }, { name: 'list' }],
      leftOut: [
        { list: 'tools', item: 'count', field: 'outputSchema', reason: '' },
        { list: 'tools', item: 'list', field: 'icons.0', reason: '' },
        { list: 'prompts', item: 'list', field: 'outputSchema', reason: '' },
        { list: 'tools', item: 'gone', field: 'outputSchema', reason: '' },
      ],
    },
  });
  const servers: readonly ServerRecord[] = [server];
  // The task reads nothing else of an app without a slug.
  const deps = {
    clock: systemClock,
    visibleServers: {
      version: () => Promise.resolve('1'),
      list: () => Promise.resolve({ items: servers }),
    },
  } as unknown as SpecialistDeps;
  const outcome = await runTask([structuredResponses(deps)], 'structured_responses');
  expect(outcome).toMatchObject({
    success: true,
    result: {
      findings: [
        {
          rule: 'output_schema_invalid',
          evidence: { server: 'stock', tool: 'count' },
          message: expect.stringContaining('is left out') as string,
        },
        { rule: 'no_tool_called' },
      ],
    },
  });
});
