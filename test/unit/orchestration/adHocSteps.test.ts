import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { planRequestSchema, requestPlan } from '../../../shared/orchestration/plans/requestPlan.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';
import { plainDefinition } from '../../support/plainTask.ts';

const done: string[] = [];
const add = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'add',
  input: z.strictObject({ a: z.number(), b: z.number() }),
  run: ({ a, b }) => (done.push(`add ${a} ${b}`), Promise.resolve(succeed({ sum: a + b }))),
});
const undo = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'undo',
  input: z.object({ of: z.unknown(), why: z.unknown() }),
  run: (input) => (done.push(`undo ${JSON.stringify(input)}`), Promise.resolve(succeed(null))),
});
const breakDown = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'break',
  input: z.object({}),
  run: () => Promise.resolve(fail({ kind: 'unavailable', message: 'down' })),
});
const large = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'large',
  input: z.object({}),
  run: () => Promise.resolve(succeed(randomBytes(600_000).toString('base64'))),
});
const join = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'join',
  input: z.looseObject({}),
  run: () => Promise.resolve(succeed(null)),
});
const hidden = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'hidden',
  planOnly: true,
  input: z.object({}),
  run: () => Promise.resolve(succeed(null)),
});
const tasks = taskCatalogue([add, undo, breakDown, large, join, hidden]);

/** Few characters, but the place of each reference is named with the long key. */
const deepReferences = { ['k'.repeat(5_000)]: Array.from({ length: 1_000 }, () => ({ $resultOf: 'a' })) };

type Step = Record<string, unknown>;
const step = (id: string, task: string, more: Step = {}): Step => ({
  id,
  agent: 'mcp-debugger',
  task,
  ...more,
});
const adding = (id: string, more: Step = {}) => step(id, 'add', { input: { a: 1, b: 2 }, ...more });

/** What is taken of each pool. */
const taken = async ({ deps }: ReturnType<typeof testEngine>) =>
  (await deps.pools.usage({ tenantId: 't1', app: 'management' })).map(({ inUse }) => inUse);

async function request(body: object, engine = testEngine(), by = caller) {
  return requestPlan(planRequestSchema.parse(body), by, tasks, engine.deps);
}
async function ended(body: object) {
  done.length = 0;
  const engine = testEngine();
  const begun = await request(body, engine);
  if (!begun.ok) throw new Error(JSON.stringify(begun.error));
  await engine.drain(tasks);
  const plan = (await engine.deps.plans.find('t1', begun.value.id))?.value;
  return { plan, engine };
}

describe("an administrator's own plan", () => {
  test('runs its steps, and results of earlier ones reach later ones', async () => {
    const { plan } = await ended({
      steps: [
        adding('one'),
        step('two', 'add', { dependsOn: ['one'], input: { a: { $resultOf: 'one', at: '/sum' }, b: 10 } }),
      ],
    });
    expect(plan).toMatchObject({ name: 'ad_hoc', state: 'succeeded' });
    expect(done).toEqual(['add 1 2', 'add 3 10']);
  });

  test('undoes what succeeded when a step fails, and tells why', async () => {
    const compensation = {
      agent: 'mcp-debugger',
      task: 'undo',
      input: { of: { $resultOf: 'one' }, why: { $planError: true } },
    };
    const { plan } = await ended({
      steps: [adding('one', { compensation }), step('two', 'break', { dependsOn: ['one'] })],
    });
    expect(plan).toMatchObject({ state: 'failed', steps: [{ state: 'compensated' }, { state: 'failed' }] });
    expect(done).toEqual([
      'add 1 2',
      'undo {"of":{"sum":3},"why":{"kind":"unavailable","message":"down","step":"two"}}',
    ]);
  });

  test('fails a step whose references bring more than a row holds, and the plan ends', async () => {
    const { plan } = await ended({
      steps: [
        step('a', 'large'),
        step('b', 'large'),
        step('c', 'join', { dependsOn: ['a', 'b'], input: { a: { $resultOf: 'a' }, b: { $resultOf: 'b' } } }),
      ],
    });
    expect(plan).toMatchObject({
      state: 'failed',
      steps: [{}, {}, { state: 'failed', error: { kind: 'too_large' } }],
    });
  });

  test('holds a share of the resource pools until it ends', async () => {
    const engine = testEngine();
    const begun = await request({ steps: [adding('one')] }, engine);
    expect(await taken(engine)).toEqual([1, 1, 0]);
    await engine.drain(tasks);
    expect([begun.ok, ...(await taken(engine))]).toEqual([true, 0, 0, 0]);
  });

  test("is refused when the tenant's share of the pools is taken, and nothing is stored", async () => {
    const engine = testEngine();
    for (let count = 0; count < 5; count++) await request({ steps: [adding('one')] }, engine);
    const sent = engine.queue.length;
    expect(await request({ steps: [adding('one')] }, engine)).toMatchObject({ error: { kind: 'exhausted' } });
    expect(engine.queue.length).toBe(sent);
    expect((await engine.deps.plans.list('t1', {}, 20)).items).toHaveLength(5);
  });

  test('asked for twice as one request is one plan, which holds one share', async () => {
    const engine = testEngine();
    const again = { ...caller, requestId: 'b1' };
    const plans = [
      await request({ steps: [adding('one')] }, engine, again),
      await request({ steps: [adding('one')] }, engine, again),
    ];
    expect(plans[0]).toMatchObject({ ok: true, value: { id: expect.any(String) as string } });
    expect(plans[0]).toEqual(plans[1]);
    expect(await taken(engine)).toEqual([1, 1, 0]);
  });

  test('leaves nothing of the pools taken, whenever the process dies', async () => {
    const whole = testEngine();
    await request({ steps: [adding('one')] }, whole);
    await whole.drain(tasks);
    for (let deadFrom = 1; deadFrom <= whole.operations(); deadFrom++) {
      const engine = testEngine({ deadFrom });
      await request({ steps: [adding('one')] }, engine).catch(() => undefined);
      await engine.drain(tasks);
      await engine.recover(tasks);
      expect([deadFrom, ...(await taken(engine))]).toEqual([deadFrom, 0, 0, 0]);
    }
  });

  test('gives back its share of the pools when it ended while the state was away', async () => {
    const engine = testEngine();
    await request({ steps: [adding('one')] }, engine);
    engine.setStateAway(true);
    await engine.drain(tasks);
    await engine.recover(tasks);
    engine.setStateAway(false);
    expect(await taken(engine)).toEqual([1, 1, 0]);
    await engine.recover(tasks);
    expect(await taken(engine)).toEqual([0, 0, 0]);
  });

  test("needs the role of an administrator, and a session that is the caller's own", async () => {
    const operator = { ...caller, actor: { ...caller.actor, roles: ['Operator'] as const } };
    expect(await request({ steps: [adding('one')] }, testEngine(), operator)).toMatchObject({
      error: { kind: 'forbidden' },
    });
    const engine = testEngine();
    const other = await engine.deps.sessions.open({ ...caller.actor, userId: 'u2' });
    expect(await request({ steps: [adding('one')], sessionId: other.id }, engine)).toMatchObject({
      error: { kind: 'not_found' },
    });
  });
});

describe('what is no plan is refused with all that is wrong, and nothing is stored or sent', () => {
  test.each<[steps: Step[], path: string, words: string]>([
    [[adding('a'), adding('a')], 'steps.1.id', 'two steps "a"'],
    [[adding('a', { dependsOn: ['b'] })], 'steps.0.dependsOn', 'no step "b"'],
    [[adding('a', { dependsOn: ['a'] })], 'steps', 'in a cycle: a'],
    [
      [
        adding('a', { dependsOn: ['b'] }),
        adding('b', { dependsOn: ['c'] }),
        adding('c', { dependsOn: ['b'] }),
      ],
      'steps',
      'in a cycle: a, b, c',
    ],
    [[step('a', 'ad', { input: {} })], 'steps.0.task', 'did you mean "add"?'],
    [[adding('a', { agent: 'mcp-debuger' })], 'steps.0.task', 'did you mean "mcp-debugger"?'],
    [[step('a', 'hidden')], 'steps.0.task', 'named plan only'],
    [[step('a', 'add', { input: { a: 1 } })], 'steps.0.input.b', 'is required'],
    [
      [adding('a'), step('b', 'join', { input: { x: { $resultOf: 'a' } } })],
      'steps.1.input',
      'does not depend on',
    ],
    [[step('a', 'join', { input: { x: { $planError: true } } })], 'steps.0.input', 'for compensations only'],
    [
      [
        adding('a', {
          compensation: { agent: 'mcp-debugger', task: 'undo', input: { of: { $resultOf: 'z' }, why: 1 } },
        }),
      ],
      'steps.0.compensation.input',
      'does not depend on',
    ],
    [
      [adding('a', { compensation: { agent: 'mcp-debugger', task: 'nothing' } })],
      'steps.0.compensation.task',
      'no task',
    ],
  ])('%#: %j at %s', async (steps, path, words) => {
    const engine = testEngine();
    const refused = await request({ steps }, engine);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(refused.ok || refused.error.errors).toContainEqual({
      path,
      message: expect.stringContaining(words) as string,
    });
    expect(engine.operations()).toBe(0);
  });

  test.each<[body: object, why: string]>([
    [{}, 'neither name nor steps'],
    [{ steps: [] }, 'no step'],
    [{ steps: Array.from({ length: 101 }, (_, index) => adding(`s${index}`)) }, 'too many steps'],
    [{ steps: [adding('A')] }, 'a name with a capital letter'],
    [{ steps: [adding('a-b')] }, 'a name with a dash'],
    [{ steps: [adding('a', { timeout: 0 })] }, 'no time'],
    [{ steps: [adding('a', { severity: 'bad' })] }, 'an unknown severity'],
    [{ steps: [adding('a', { onFailur: 'stop' })] }, 'an unknown field'],
    [{ steps: [adding('a')], input: {} }, 'an input beside steps'],
  ])('%# is no request: %s', (body) => {
    expect(planRequestSchema.safeParse(body).success).toBe(false);
  });

  test.each<[body: object, kind: string, words: string]>([
    [{ name: 'server_registration' }, 'not_found', 'no plan "server_registration"'],
    [{ name: 'system_repor' }, 'not_found', 'did you mean "system_report"?'],
    [{ name: 'system_report' }, 'not_found', 'no agent has these tasks: generate_security_report'],
    [{ name: 'pre_deployment' }, 'not_found', 'no agent has these tasks: database_health_check'],
    [
      { steps: [step('a', 'join', { input: { x: 'x'.repeat(200_001) } })] },
      'too_large',
      'longer than 200000',
    ],
    [
      { steps: [adding('a'), step('b', 'join', { dependsOn: ['a'], input: deepReferences })] },
      'too_large',
      'longer than 100000',
    ],
  ])('%# is refused as %s', async (body, kind, words) => {
    const engine = testEngine();
    expect(await request(body, engine)).toMatchObject({
      error: { kind, message: expect.stringContaining(words) as string },
    });
    expect(engine.operations()).toBe(0);
  });
});
