import type { HealthReport } from './healthReport.ts';
import { withTimeout } from './withTimeout.ts';

type Check = () => Promise<HealthReport>;

/** Lets the callers of one instance share checks, because a check for each of many callers would fill the queues of the agents. */
interface SharedChecks {
  /** Returns the report of the check of this key that runs, or of a new one. */
  join(key: string, check: Check): Promise<HealthReport>;
  /**
   * Returns the report of a check that has not begun yet. It begins at once, or when the last one of this key ends, or after
   * `pauseMs`. All who call before it begins share it.
   */
  joinNext(key: string, pauseMs: number, check: Check): Promise<HealthReport>;
}

export function createSharedChecks(): SharedChecks {
  const running = new Map<string, Promise<HealthReport>>();
  const next = new Map<string, Promise<HealthReport>>();

  function begin(key: string, check: Check): Promise<HealthReport> {
    const begun = check().finally(() => {
      if (running.get(key) === begun) running.delete(key);
    });
    running.set(key, begun);
    return begun;
  }

  return {
    join: (key, check) => running.get(key) ?? begin(key, check),
    joinNext(key, pauseMs, check) {
      const last = running.get(key);
      if (last === undefined) return begin(key, check);
      let waiting = next.get(key);
      if (waiting === undefined) {
        const start = () => {
          next.delete(key);
          return begin(key, check);
        };
        waiting = withTimeout(last, pauseMs).then(start, start);
        next.set(key, waiting);
      }
      return waiting;
    },
  };
}
