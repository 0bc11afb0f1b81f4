import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { TimerStatus } from './timerSchedule.ts';

/** Remembers when timers last ran, so that a start can tell what was missed. */
export interface TimerStore {
  read(name: string): Promise<TimerStatus | undefined>;
  write(name: string, status: TimerStatus): Promise<void>;
}

const storedStatus = z.object({
  last: z.coerce.date().optional(),
  next: z.coerce.date(),
  lastUpdated: z.coerce.date(),
});

/** One file a timer. What cannot be read counts as absent: at worst a missed run is not noticed. */
export function createFileTimerStore(folder: string): TimerStore {
  return {
    async read(name) {
      try {
        const { last, ...rest } = storedStatus.parse(
          JSON.parse(await readFile(path.join(folder, `${name}.json`), 'utf8')),
        );
        return { last, ...rest };
      } catch {
        return undefined;
      }
    },
    async write(name, status) {
      await mkdir(folder, { recursive: true });
      const file = path.join(folder, `${name}.json`);
      await writeFile(`${file}.new`, JSON.stringify(status));
      await rename(`${file}.new`, file);
    },
  };
}

/** Forgets with the process, so that no run is ever missed. */
export function createMemoryTimerStore(): TimerStore {
  return { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };
}
