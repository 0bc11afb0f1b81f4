import { join } from 'node:path';
import { LocalError } from './localError.ts';
import { startProcess, type LocalProcess, type ProcessSpec } from './localProcess.ts';

/** Processes that live and die together: what is left of them when this process exits is killed. */
export interface ProcessGroup {
  /** Resolves with the reason when one that was ready ends unasked. */
  readonly died: Promise<LocalError>;
  /** Resolves when the process is ready, and rejects when it ends before. */
  start(spec: ProcessSpec): Promise<void>;
  /** Ends one at once; the others go on. */
  kill(name: string): Promise<void>;
  /** Starts one again, after stopping it where it still runs. */
  restart(name: string): Promise<void>;
  /** Stops those named, or all that are left. From the first call on, nothing starts any more. */
  stop(names?: readonly string[]): Promise<void>;
}

export type LineListener = (name: string, stream: 'stdout' | 'stderr', line: string) => void;

export function processGroup(logDir: string, onLine: LineListener): ProcessGroup {
  const running = new Map<string, { readonly spec: ProcessSpec; readonly process: LocalProcess }>();
  const died = Promise.withResolvers<LocalError>();
  let closed = false;
  const killAll = () => {
    for (const { process } of running.values()) void process.kill();
  };
  process.on('exit', killAll);

  async function start(spec: ProcessSpec): Promise<void> {
    if (closed) throw new LocalError('stopping');
    const process = startProcess(spec, {
      logFile: join(logDir, `${spec.name}.log`),
      onLine: (stream, line) => {
        onLine(spec.name, stream, line);
      },
    });
    running.set(spec.name, { spec, process });
    await process.ready;
    void process.ended.then((death) => {
      if (death) died.resolve(death);
    });
  }

  function named(name: string) {
    const found = running.get(name);
    if (!found) throw new Error(`There is no process '${name}' among ${[...running.keys()].join(', ')}`);
    return found;
  }

  return {
    died: died.promise,
    start,
    kill: (name) => named(name).process.kill(),
    async restart(name) {
      const { spec, process } = named(name);
      await process.stop();
      await start(spec);
    },
    async stop(names) {
      closed = true;
      const stopped = names ?? [...running.keys()];
      await Promise.all(stopped.map(async (name) => running.get(name)?.process.stop()));
      if (!names) process.off('exit', killAll);
    },
  };
}
