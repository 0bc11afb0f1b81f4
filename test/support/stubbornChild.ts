import { runChild } from '../../infra/local/childProcess.ts';

/** A local process whose stop never ends, or fails. */
await runChild(
  'Stubborn',
  () => {
    const keepAlive = setInterval(() => undefined, 60_000);
    return Promise.resolve({
      line: 'Stubborn is ready',
      stop: () => {
        clearInterval(keepAlive);
        return process.argv[2] === 'fails'
          ? Promise.reject(new Error('cannot close'))
          : new Promise<void>(() => undefined);
      },
    });
  },
  { stopWithinMs: 200 },
);
