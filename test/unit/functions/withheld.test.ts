import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { AppDeps } from '../../../functions/compose/deps.ts';
import type { Route } from '../../../functions/http/route.ts';
import { delegationRoutes } from '../../../functions/management/delegations.ts';
import { planRoutes } from '../../../functions/management/plans.ts';
import { qualityGateRoutes } from '../../../functions/management/qualityGates.ts';
import type { Role } from '../../../shared/identity/access/actor.ts';
import { runGate } from '../../../shared/orchestration/plans/qualityGates.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';

const SECRET = 'what the audit trail says';

const common = {
  agent: 'mcp-debugger',
  permissions: ['audit.read'],
  description: '',
  timeoutMs: 1_000,
  input: z.unknown(),
  output: z.unknown(),
} as const;
const tasks = taskCatalogue([
  defineTask({
    ...common,
    name: 'not_passing',
    run: () => Promise.resolve(succeed({ passed: false, error: SECRET, evidence: { SECRET } })),
  }),
  defineTask({
    ...common,
    name: 'failing',
    run: () => Promise.resolve(fail({ kind: 'unavailable', message: SECRET })),
  }),
]);
const gates = {
  look: [
    { check: 'failing', agent: 'mcp-debugger', severity: 'warning' },
    { check: 'not_passing', agent: 'mcp-debugger', severity: 'critical' },
  ],
} as const;

let routes: readonly Route<unknown>[];
let run: string;
beforeAll(async () => {
  const engine = testEngine({}, gates);
  const begun = await runGate({ gate: 'look' }, caller, tasks, engine.deps);
  if (!begun.ok) throw new Error(begun.error.message);
  await engine.drain(tasks);
  run = begun.value.id;
  // The routes that are asked here touch nothing else of an app.
  const deps = { ...engine.deps, tasks: () => Promise.resolve(tasks) } as unknown as AppDeps;
  routes = [...delegationRoutes(deps), ...planRoutes(deps), ...qualityGateRoutes(deps)];
});

async function seen(name: string, params: Record<string, string>, role: Role): Promise<string> {
  const route = routes.find((known) => known.name === name);
  const answered = await route?.handle({
    actor: { ...caller.actor, roles: [role] },
    params,
    query: new URLSearchParams(),
    body: undefined,
    headers: new Headers(),
    trace: caller.trace,
    signal: new AbortController().signal,
  });
  if (answered instanceof Response) return answered.text();
  if (!answered?.ok) throw new Error(`${name} refuses`);
  return JSON.stringify(answered.value.body);
}

describe.each([
  ['delegations-get', (id: string) => ({ id: `${id}-failing` })],
  ['delegations-get', (id: string) => ({ id: `${id}-not_passing` })],
  ['delegations-list', () => ({})],
  ['plans-get', (id: string) => ({ id })],
  ['plans-events', (id: string) => ({ id })],
  ['quality-gates-runs-get', (id: string) => ({ gate: 'look', id })],
] as const)('%s', (name, params) => {
  test('shows results, evidence and the words of errors to who may read them, and to nobody else', async () => {
    expect(await seen(name, params(run), 'Auditor')).toContain(SECRET);
    const others = await seen(name, params(run), 'Operator');
    expect(others).not.toContain(SECRET);
    expect(others).toContain('"withheld":{"permissions":["audit.read"]}');
  });
});
