import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { App } from '../../shared/platform/config/config.ts';
import { LocalError } from '../local/localError.ts';
import { judgeRecord } from './openRecord.ts';
import { reportOutcome } from './reportOutcome.ts';
import { type DeploymentRun, type DeploymentStep, deploymentSteps, firstStep, restoreApp } from './steps.ts';
import { deploymentOrder, type DeploymentRecord, type DeploymentTarget } from './target.ts';

export interface DeploymentOptions extends Pick<DeploymentRun, 'stage' | 'signal'> {
  readonly environment: string;
  readonly target: DeploymentTarget;
  /** Gets each line for the terminal. */
  readonly print: (line: string) => void;
}

/**
 * Deploys one package to both apps of an environment. Its state machine is the record of the target: `running` from the first
 * step; `succeeded` after the last one; `failed` when a step failed before any app changed, or when there was nothing to return
 * to; `rolled_back` and `rollback_failed` after the steps were undone. A process that dies leaves `running` behind, and the
 * next deployment first restores the apps that the dead one had begun to change.
 * Resolves to true when the new build runs.
 */
export async function deploy(options: DeploymentOptions): Promise<boolean> {
  const { environment, target, signal, stage, print } = options;
  const startedAt = performance.now();
  let record = newRecord(environment);
  /** The ids of this deployment and of the one before. */
  const expected = new Set([record.id]);
  /** Two deployments may begin at the same moment. The one whose record was replaced goes no further. */
  const requireOwn = async () => {
    const stored = await target.readRecord();
    if (stored && !expected.has(stored.id)) throw new SupersededError(stored);
  };
  const run: DeploymentRun = {
    target,
    signal,
    stage,
    staged: undefined,
    record: () => record,
    save: async (change) => {
      await requireOwn();
      record = { ...record, ...change, updatedAt: new Date().toISOString() };
      await target.writeRecord(record);
    },
  };
  if (!(await runStep(firstStep, run, print))) return false;
  const before = await target.readRecord();
  if (before) expected.add(before.id);
  const open = judgeRecord(before, { host: hostname(), isAlive }, new Date());
  if (open.verdict === 'busy') throw new LocalError(open.message);
  record = { ...record, kept: before?.kept ?? [], unproven: before?.unproven ?? [] };
  if (open.verdict === 'left_open') await recover(open.message, run, print);

  const begun: DeploymentStep[] = [];
  for (const step of deploymentSteps.slice(1)) {
    begun.push(step);
    if (await runStep(step, run, print)) continue;
    await requireOwn().catch(unlessSuperseded);
    const outcome = await rollBack(begun, run, print);
    if (outcome === 'rolled_back' && run.staged)
      print(`      ${run.staged.folder} still holds build ${run.staged.build}, which failed`);
    await conclude(run, { outcome }, print);
    print(`Deployment ${record.id} ${outcomeTexts[outcome]}: the step ${step.name} failed.`);
    return false;
  }
  if (!(await conclude(run, { outcome: 'succeeded', unproven: [] }, print))) return false;
  print(
    `Deployment ${record.id} succeeded: ${environment} runs build ${record.build} (${since(startedAt)}).`,
  );
  return true;
}

/** Another deployment has begun, and its record has taken the place of this one's. */
class SupersededError extends LocalError {
  constructor({ id, host, pid }: DeploymentRecord) {
    super(`deployment ${id} on ${host} (process ${pid}) has begun too. This one stops and undoes nothing`);
  }
}
function unlessSuperseded(error: unknown): void {
  if (error instanceof SupersededError) throw error;
}

/** Stores and reports the outcome. Returns whether it is stored: otherwise the next deployment first restores the apps. */
async function conclude(
  run: DeploymentRun,
  change: Partial<DeploymentRecord>,
  print: (line: string) => void,
): Promise<boolean> {
  let isStored = true;
  try {
    await run.save(change);
  } catch (error) {
    unlessSuperseded(error);
    isStored = false;
    print(`      The outcome ${String(change.outcome)} was NOT stored: ${describe(error)}`);
    print('      The next deployment restores what this one has not proven.');
  }
  await reportOutcome(run, print);
  return isStored;
}

/** Prints the steps in their order, and what undoes them. Changes nothing. */
export async function printPlan({
  environment,
  target,
  print,
}: Pick<DeploymentOptions, 'environment' | 'target' | 'print'>): Promise<void> {
  print(`Plan of a deployment to ${environment}: ${await target.validate()}`);
  const before = await target.readRecord();
  const open = judgeRecord(before, { host: hostname(), isAlive }, new Date());
  if (open.verdict === 'busy') print(`The command would refuse to run: ${open.message}`);
  if (open.verdict === 'left_open') {
    print(open.message);
    const returned = unprovenOf(before).filter((app) => before?.kept.includes(app));
    if (returned.length > 0) print(`First the previous packages come back: ${inTurn(returned)}.`);
  }
  for (const step of deploymentSteps) print(`${numbered(step)} ${step.name}: ${step.title}`);
  const undone = deploymentSteps.filter(({ undo }) => undo !== undefined).map(({ name }) => name);
  print(
    `When a step fails, these are undone in this order, where they have begun: ${undone.reverse().join(', ')}.`,
  );
}

const outcomeTexts = {
  failed: 'failed',
  rolled_back: 'was rolled back',
  rollback_failed: 'failed and could not be rolled back',
} as const;

/** Returns whether the step succeeded. Prints its name, its time and its note or error. */
async function runStep(
  step: DeploymentStep,
  run: DeploymentRun,
  print: (line: string) => void,
): Promise<boolean> {
  const startedAt = performance.now();
  print(`${numbered(step)} ${step.name}: ${step.title} ...`);
  try {
    if (step !== firstStep) await run.save({ step: step.name });
    const note = await step.run(run);
    print(`      ok after ${since(startedAt)}${note === undefined ? '' : `: ${note}`}`);
    return true;
  } catch (error) {
    unlessSuperseded(error);
    const reason = run.signal.aborted ? 'interrupted' : describe(error);
    print(`      FAILED after ${since(startedAt)}: ${reason}`);
    return false;
  }
}

/** Undoes the steps in the reverse order. A failure does not stop the others. */
async function rollBack(
  begun: readonly DeploymentStep[],
  run: DeploymentRun,
  print: (line: string) => void,
): Promise<keyof typeof outcomeTexts> {
  const changed = begun.filter(({ undo }) => undo !== undefined).reverse();
  if (changed.length === 0) return 'failed';
  print(`Rolling back: ${inTurn(changed.flatMap(({ app }) => app ?? []))}.`);
  let hasFailed = false;
  for (const { name, undo } of changed) {
    const startedAt = performance.now();
    try {
      const note = (await undo?.(run)) ?? '';
      print(`      ${name} undone after ${since(startedAt)}: ${note}`);
    } catch (error) {
      hasFailed = true;
      print(`      ${name} NOT undone after ${since(startedAt)}: ${describe(error)}`);
    }
  }
  if (hasFailed) return 'rollback_failed';
  return run.record().unproven.length === 0 ? 'rolled_back' : 'failed';
}

/** Restores what a deployment that ended in the middle had begun to change. */
async function recover(message: string, run: DeploymentRun, print: (line: string) => void): Promise<void> {
  print(message);
  await run.save({ step: 'recover' });
  const { unproven } = run.record();
  if (unproven.length === 0) print('      It had changed no app.');
  for (const app of unprovenOf(run.record())) print(`      ${await restoreApp(app, run)}`);
}

/** Returns the apps that run an unproven package, in the order of a rollback. */
const unprovenOf = (record: Pick<DeploymentRecord, 'unproven'> | undefined): readonly App[] =>
  [...deploymentOrder].reverse().filter((app) => record?.unproven.includes(app));

const inTurn = (apps: readonly App[]): string => apps.map((app) => `the ${app} app`).join(', then ');

const newRecord = (environment: string): DeploymentRecord => ({
  id: randomUUID(),
  environment,
  build: '',
  startedAt: new Date().toISOString(),
  updatedAt: new Date().toISOString(),
  host: hostname(),
  pid: process.pid,
  step: 'validate',
  outcome: 'running',
  kept: [],
  unproven: [],
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    // The process of another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const numbered = (step: DeploymentStep): string =>
  `[${deploymentSteps.indexOf(step) + 1}/${deploymentSteps.length}]`;
const since = (startedAt: number): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof LocalError ? error.message : (error.stack ?? error.message);
}
