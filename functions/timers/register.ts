import { app } from '@azure/functions';

/** A function that Azure runs on a schedule. */
export interface Timer {
  readonly name: string;
  /** An NCRONTAB expression with seconds, in UTC. */
  readonly schedule: string;
  readonly run: () => Promise<unknown>;
}

export function registerTimers(timers: readonly Timer[]): void {
  for (const { name, schedule, run } of timers) {
    app.timer(name, {
      schedule,
      handler: async () => {
        await run();
      },
    });
  }
}
