import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalError } from './localError.ts';
import { type LocalProcess, type ProcessSpec, startProcess } from './localProcess.ts';
import { afterDeath } from './restartPolicy.ts';

/**
 * Processes that are kept running together. A process that was ready and then dies is started again, as Azure does.
 * When this process exits, it kills those that are left.
 */
export interface ProcessGroup {
  /** Resolves with the reason when a process has died too often to be started again. */
  readonly failed: Promise<LocalError>;
  /** Resolves when the process is ready. Rejects when it ends before. */
  start(spec: ProcessSpec): Promise<void>;
  /** Kills a process. It stays dead until `restart`. */
  kill(name: string): Promise<void>;
  /** Stops a process, if there is one of this name. It stays stopped until it is started again. */
  end(name: string): Promise<void>;
  /** Stops a process where it still runs, and starts it. */
  restart(name: string): Promise<void>;
  /** Stops the named processes, or all. After the first call, no process starts any more. */
  stop(names?: readonly string[]): Promise<void>;
}

export type LineListener = (name: string, stream: 'stdout' | 'stderr', line: string) => void;

export interface GroupListeners {
  readonly onLine?: LineListener | undefined;
  /** Gets one line for each process that is started again after it has died. */
  readonly onRestart?: ((line: string) => void) | undefined;
}

interface Member {
  readonly spec: ProcessSpec;
  process: LocalProcess;
  deaths: readonly number[];
  /** Becomes false when `stop` is called. */
  wanted: boolean;
}

/** How many lines of a log are shown when its process is given up. */
const LAST_LINES = 10;

export function processGroup(
  logDir: string,
  { onLine = () => undefined, onRestart = () => undefined }: GroupListeners = {},
  now: () => number = Date.now,
): ProcessGroup {
  const members = new Map<string, Member>();
  const failed = Promise.withResolvers<LocalError>();
  let closed = false;
  const killAll = () => {
    for (const { process } of members.values()) void process.kill();
  };
  process.on('exit', killAll);

  const logFileOf = (spec: ProcessSpec) => join(logDir, `${spec.name}.log`);
  const launch = (spec: ProcessSpec) =>
    startProcess(spec, {
      logFile: logFileOf(spec),
      onLine: (stream, line) => {
        onLine(spec.name, stream, line);
      },
    });

  async function start(spec: ProcessSpec): Promise<void> {
    if (closed) throw new LocalError('stopping');
    const member: Member = { spec, process: launch(spec), deaths: [], wanted: true };
    members.set(spec.name, member);
    await member.process.ready;
    watch(member);
  }

  function watch(member: Member): void {
    void member.process.ended.then((death) => (death ? startAgain(member, death) : undefined));
  }

  async function startAgain(member: Member, death: LocalError): Promise<void> {
    const { spec } = member;
    for (let reason = death; member.wanted && !closed;) {
      const { verdict, deaths } = afterDeath(member.deaths, now());
      member.deaths = deaths;
      if (verdict === 'give_up') {
        failed.resolve(await tooManyDeaths(spec.name, deaths.length, reason, logFileOf(spec)));
        return;
      }
      onRestart(`${reason.message}. Starting it again.`);
      member.process = launch(spec);
      try {
        await member.process.ready;
        watch(member);
        return;
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        reason = error;
        await member.process.kill();
      }
    }
  }

  function named(name: string): Member {
    const found = members.get(name);
    if (!found) throw new Error(`There is no process '${name}' among ${[...members.keys()].join(', ')}`);
    return found;
  }

  return {
    failed: failed.promise,
    start,
    async kill(name) {
      const member = named(name);
      member.wanted = false;
      await member.process.kill();
    },
    async end(name) {
      const member = members.get(name);
      if (!member) return;
      member.wanted = false;
      await member.process.stop();
    },
    async restart(name) {
      const member = named(name);
      member.wanted = false;
      await member.process.stop();
      await start(member.spec);
    },
    async stop(names) {
      closed = true;
      const stopped = names ?? [...members.keys()];
      await Promise.all(stopped.map(async (name) => members.get(name)?.process.stop()));
      if (!names) process.off('exit', killAll);
    },
  };
}

async function tooManyDeaths(
  name: string,
  count: number,
  last: LocalError,
  logFile: string,
): Promise<LocalError> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const lines = log.trimEnd().split('\n').slice(-LAST_LINES);
  return new LocalError(
    [`${name} died ${count} times within a minute. ${last.message}. Its last lines:`, ...lines].join('\n  '),
  );
}
