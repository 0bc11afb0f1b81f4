import { setTimeout as sleep } from 'node:timers/promises';
import type { AppsBuild } from '../../build.ts';
import { LocalError } from '../localError.ts';
import { appNames } from '../processes.ts';
import { appCode } from './appCode.ts';
import { watchFolders } from './watchFolders.ts';

type AppName = (typeof appNames)[number];

/** An editor may save in several steps. */
const SETTLE_MS = 40;

export interface DevLoop {
  firstBuild(): Promise<void>;
  /** Builds after each save, and restarts the apps whose code has changed. Runs until `close`. */
  restartOnSave(restart: (app: AppName) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** `say` gets the result of each save. */
export function devLoop(
  build: AppsBuild,
  sourceFolders: readonly string[],
  say: (line: string) => void,
): DevLoop {
  /** The digest of the code that each app runs. An app that does not run has no entry. */
  const running = new Map<AppName, string>();
  const closed = Promise.withResolvers<'closed'>();
  let watching = watchFolders(sourceFolders);

  async function onSave(restart: (app: AppName) => Promise<void>, savedAt: number): Promise<void> {
    const built = await build.run().catch((error: unknown) => {
      if (error instanceof Error) say(error.message);
      say('Not built. The apps go on with the code that they have.');
    });
    if (!built) return;
    const codes = appNames.map((app) => [app, appCode(built, app)] as const);
    const changed = codes.filter(([app, code]) => running.get(app) !== code);
    if (changed.length === 0 && built.changed) say('Built. Nothing that an app runs has changed.');
    await Promise.all(
      changed.map(async ([app, code]) => {
        running.delete(app);
        try {
          await restart(app);
          running.set(app, code);
          say(
            `${app} is ready again, ${((performance.now() - savedAt) / 1_000).toFixed(1)} s after the save.`,
          );
        } catch (error) {
          if (!(error instanceof LocalError)) throw error;
          say(`${error.message}\n${app} does not run until a save makes it start again.`);
        }
      }),
    );
  }

  return {
    async firstBuild() {
      const built = await build.run();
      for (const app of appNames) running.set(app, appCode(built, app));
    },
    async restartOnSave(restart) {
      while ((await Promise.race([watching.changed, closed.promise])) !== 'closed') {
        const savedAt = performance.now();
        await sleep(SETTLE_MS);
        watching.close();
        watching = watchFolders(sourceFolders);
        await onSave(restart, savedAt);
      }
    },
    async close() {
      closed.resolve('closed');
      watching.close();
      await build.close();
    },
  };
}
