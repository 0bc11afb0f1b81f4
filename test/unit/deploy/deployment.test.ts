import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { deploy, printPlan } from '../../../infra/deploy/deployment.ts';
import { reportOutcome } from '../../../infra/deploy/reportOutcome.ts';
import type { DeploymentRecord, DeploymentTarget } from '../../../infra/deploy/target.ts';
import { LocalError } from '../../../infra/local/localError.ts';

/** A target without a gateway: the first step that needs one fails, which is `health`. */
interface FakeTarget extends Omit<DeploymentTarget, 'writeRecord'> {
  writeRecord: DeploymentTarget['writeRecord'];
  /** The calls that change something. */
  readonly changes: string[];
  /** The packages that the apps run. */
  readonly running: Map<string, string>;
  readonly kept: Map<string, string>;
  failing: string | undefined;
  /** Called before each change. */
  onChange: (change: string) => void;
}

let target: FakeTarget;
let record: DeploymentRecord | undefined;
beforeEach(() => {
  record = undefined;
  const change = (name: string) => {
    target.onChange(name);
    if (target.failing === name) throw new LocalError(`${name} failed`);
    target.changes.push(name);
  };
  target = {
    changes: [],
    running: new Map(),
    kept: new Map(),
    failing: undefined,
    onChange: () => undefined,
    validate: () => Promise.resolve('nowhere'),
    provision: async () => {
      await Promise.resolve();
      change('provision');
    },
    gateway: () => Promise.resolve(undefined),
    keep: (app) => {
      const current = target.running.get(app);
      if (current !== undefined) target.kept.set(app, current);
      return Promise.resolve(current !== undefined);
    },
    deploy: async (app, { build }, signal) => {
      await Promise.resolve();
      change(`deploy ${app}`);
      signal.throwIfAborted();
      target.running.set(app, build);
    },
    restore: async (app) => {
      await Promise.resolve();
      change(`restore ${app}`);
      target.running.set(app, target.kept.get(app) ?? '');
    },
    readRecord: () => Promise.resolve(record),
    writeRecord: (written) => {
      record = written;
      return Promise.resolve();
    },
  };
});

async function deployed(build = 'new', signal = new AbortController().signal) {
  const lines: string[] = [];
  const stage = () => Promise.resolve({ folder: '/package', build });
  const print = (line: string) => lines.push(line);
  const succeeded = await deploy({ environment: 'test', target, signal, stage, print });
  return { succeeded, output: lines.join('\n') };
}
const runs = (mcp: string, management: string) =>
  new Map([
    ['mcp', mcp],
    ['management', management],
  ]);

test('a failure after both deployments restores management first', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  const { output } = await deployed();
  expect(output).toContain('FAILED');
  expect(output).toContain('Rolling back: the management app, then the mcp app.');
  expect(output).toContain('/package still holds build new, which failed');
  expect(target.changes).toEqual([
    'provision',
    'deploy mcp',
    'deploy management',
    'restore management',
    'restore mcp',
  ]);
  expect(target.running).toEqual(runs('old', 'old'));
  expect(record).toMatchObject({ outcome: 'rolled_back', step: 'health', unproven: [] });
});

test('a failure before the first deployment restores nothing', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  target.failing = 'provision';
  await deployed();
  expect(target.changes).toEqual([]);
  expect(record).toMatchObject({ outcome: 'failed', step: 'provision' });
});

test('a deployment that fails while it replaces an app restores that app too', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  target.failing = 'deploy mcp';
  const { output } = await deployed();
  expect(output).toContain('Rolling back: the mcp app.');
  expect(target.changes).toEqual(['provision', 'restore mcp']);
});

test('a first deployment that fails has nothing to return to, and never counts as a previous package', async () => {
  const { output } = await deployed('first');
  expect(output).toContain('the mcp app had no package before, and stays as it is');
  expect(record).toMatchObject({ outcome: 'failed', kept: [], unproven: ['mcp', 'management'] });
  await deployed('second');
  expect(target.kept).toEqual(new Map());
  expect(target.changes).not.toContain('restore mcp');
});

test('a rollback that fails goes on with the other app, and the next deployment completes it', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  target.failing = 'restore management';
  const { output } = await deployed();
  expect(output).toMatch(/deploy_management NOT undone .*: restore management failed/);
  expect(record).toMatchObject({ outcome: 'rollback_failed', unproven: ['management'] });
  expect(target.running).toEqual(runs('old', 'new'));

  target.failing = 'provision';
  target.changes.length = 0;
  const next = await deployed('newer');
  expect(next.output).toMatch(/^Deployment .* did not end, or could not roll back\.$/m);
  expect(target.changes).toEqual(['restore management']);
  expect(target.running).toEqual(runs('old', 'old'));
});

test('the time of a rollback is the time that it took', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  const { restore } = target;
  target.restore = async (app) => {
    const until = performance.now() + 60;
    while (performance.now() < until) await setImmediate();
    await restore(app);
  };
  expect((await deployed()).output).toMatch(
    /deploy_mcp undone after 0\.[1-9] s: the mcp app runs its previous/,
  );
});

test('the plan says what comes before its first step', async () => {
  const planned = async (change: Partial<DeploymentRecord>) => {
    target.running.set('mcp', 'old').set('management', 'old');
    await deployed();
    if (!record) throw new Error('no record');
    record = { ...record, ...change };
    const lines: string[] = [];
    await printPlan({ environment: 'test', target, print: (line) => lines.push(line) });
    return lines.slice(1, 3);
  };
  const kept = ['mcp', 'management'] as const;
  expect(await planned({ outcome: 'succeeded' })).toEqual([
    expect.stringMatching(/\] validate: /),
    expect.stringMatching(/\] package: /),
  ]);
  expect(await planned({ outcome: 'rollback_failed', kept: [...kept], unproven: [...kept] })).toEqual([
    expect.stringMatching(/It did not end, or could not roll back\.$/),
    'First the previous packages come back: the management app, then the mcp app.',
  ]);
  expect(await planned({ outcome: 'running', pid: process.ppid })).toEqual([
    expect.stringMatching(/^The command would refuse to run: Deployment .* has not ended\./),
    expect.stringMatching(/\] validate: /),
  ]);
});

test('an interrupted deployment is rolled back', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  const interrupted = new AbortController();
  target.onChange = (change) => {
    if (change === 'deploy management') interrupted.abort();
  };
  const { output } = await deployed('new', interrupted.signal);
  expect(output).toMatch(/FAILED after .*: interrupted/);
  expect(target.running).toEqual(runs('old', 'old'));
});

test('a record that cannot be written after an app has changed fails the step, which is rolled back', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  const { writeRecord } = target;
  let failures = 1;
  target.writeRecord = (written) => {
    if (written.step === 'health' && failures-- > 0) return Promise.reject(new LocalError('storage is away'));
    return writeRecord(written);
  };
  const { succeeded, output } = await deployed();
  expect(succeeded).toBe(false);
  expect(output).toContain('storage is away');
  expect(target.running).toEqual(runs('old', 'old'));
});

test('of two deployments that begin at the same moment, only one changes the apps', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  const outcomes = await Promise.all(
    ['one', 'two'].map((build) => deployed(build).catch((error: unknown) => ({ output: String(error) }))),
  );
  expect(outcomes.filter(({ output }) => output.includes('has begun too'))).toHaveLength(1);
  expect(target.changes.filter((change) => change === 'deploy mcp')).toHaveLength(1);
});

test('a deployment that another one has replaced in the middle undoes nothing', async () => {
  target.running.set('mcp', 'old').set('management', 'old');
  let other: DeploymentRecord | undefined;
  target.onChange = (change) => {
    if (change !== 'deploy management' || !record) return;
    record = other = { ...record, id: 'other' };
    throw new LocalError('the packages differ');
  };
  await expect(deployed()).rejects.toThrow(/deployment other .* has begun too/);
  expect(target.changes).toEqual(['provision', 'deploy mcp']);
  expect(record).toBe(other);
});

test('an outcome that cannot be stored is told', async () => {
  target.failing = 'provision';
  const { writeRecord } = target;
  target.writeRecord = (written) =>
    written.outcome === 'running' ? writeRecord(written) : Promise.reject(new LocalError('the disk is full'));
  const { succeeded, output } = await deployed();
  expect(succeeded).toBe(false);
  expect(output).toMatch(/The outcome failed was NOT stored: the disk is full/);
});

test('a gateway that cannot be asked does not change the outcome', async () => {
  await deployed();
  if (!record) throw new Error('no record');
  const stored = record;
  target.gateway = () => Promise.reject(new LocalError('azd is gone'));
  const lines: string[] = [];
  await reportOutcome({ target, record: () => stored }, (line) => lines.push(line), 0);
  expect(lines).toEqual(['      NOT reported to the gateway: azd is gone']);
});
