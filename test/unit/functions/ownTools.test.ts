import { describe, expect, test } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import { openBuiltInTools } from '../../../functions/mcp/builtInTools/index.ts';
import { aggregateName } from '../../../shared/gateway/catalogue/names.ts';
import { isSound } from '../../../shared/gateway/catalogue/view.ts';
import { type Role, roles } from '../../../shared/identity/access/actor.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { slugSchema } from '../../../shared/registry/records/server.ts';
import { testConfig } from '../../support/config.ts';
import { actor } from '../../support/gateway.ts';

/** As the mcp app composes itself; nothing is connected before it is used, and no test here uses it. */
const builtInTools = openBuiltInTools(compose(testConfig({ MREG_APP: 'mcp' })));
const all = [
  'list_servers',
  'register_server',
  'delegate_task',
  'get_delegation',
  'run_quality_gate',
  'get_health',
  'get_report',
  'search_audit',
];
const pinned: Record<Role, readonly string[]> = {
  Admin: all,
  Operator: all.filter((name) => name !== 'register_server' && name !== 'search_audit'),
  Auditor: ['list_servers', 'get_delegation', 'get_health', 'get_report', 'search_audit'],
  User: ['list_servers'],
};
const holding = (role: Role) => actor('alice', role);
const call = (role: Role) => ({
  actor: holding(role),
  trace: continueTrace(undefined),
  signal: new AbortController().signal,
});

describe.each(roles)('%s', (role) => {
  test('sees the tools whose routes the role may call', async () => {
    expect((await builtInTools.list(holding(role))).map(({ name }) => name)).toEqual(pinned[role]);
  });

  test('gets the same list each time, by which merged lists are remembered', async () => {
    expect(await builtInTools.list(holding(role))).toBe(await builtInTools.list(holding(role)));
  });

  test.each(all.filter((name) => !pinned[role].includes(name)))('cannot call %s', async (name) => {
    await expect(builtInTools.call(name, {}, call(role))).rejects.toThrow('no tool of the gateway');
  });
});

test('is nobody’s without a role', async () => {
  expect(await builtInTools.list({ ...holding('Admin'), roles: [] })).toEqual([]);
});

describe.each(all)('%s', (name) => {
  const shown = async () => (await builtInTools.list(holding('Admin'))).find((tool) => tool.name === name);

  test('is a tool as clients of both eras know it, with schemas and hints', async () => {
    const tool = await shown();
    expect(tool && isSound(tool)).toBe(true);
    expect(tool).toMatchObject({
      title: expect.any(String) as string,
      description: expect.any(String) as string,
      inputSchema: { type: 'object', additionalProperties: false },
      outputSchema: { type: 'object' },
      annotations: {
        readOnlyHint: expect.any(Boolean) as boolean,
        openWorldHint: expect.any(Boolean) as boolean,
      },
    });
    expect(aggregateName({ slug: 'gateway', name })).toBe(`gateway__${name}`);
  });

  test('says what is wrong with its arguments, as a result', async () => {
    const { result, outcome } = await builtInTools.call(name, { nonsense: 1 }, call('Admin'));
    expect(outcome).toBe('invalid');
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result['content'])).toContain('nonsense: there is no such field');
  });
});

test('nobody can register a server under the name of the gateway', () => {
  expect(slugSchema.safeParse('gateway').success).toBe(false);
});
