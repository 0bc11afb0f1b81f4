import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { MAX_PROGRESS_LENGTH, PROGRESS_EVERY_MS, PROGRESS_KEPT_MS } from '../model/limits.ts';

/** Keeps the progress messages of running tasks for callers that wait. They are part of no record. */
export interface ProgressBoard {
  report(delegationId: string, message: string): void;
  read(delegationId: string): Promise<string | undefined>;
}

const keyOf = (delegationId: string): string => `mreg:progress:${delegationId}`;

/** Writes the newest message of each task, at most once a second. */
export function createProgressBoard({
  state,
  log,
}: {
  readonly state: StateStore;
  readonly log: Log;
}): ProgressBoard {
  const waiting = new Map<string, string>();

  async function write(delegationId: string): Promise<void> {
    const message = waiting.get(delegationId) ?? '';
    waiting.delete(delegationId);
    try {
      await state.set(keyOf(delegationId), message, PROGRESS_KEPT_MS);
    } catch (error) {
      log.warn('progress_write_failed', {
        delegationId,
        reason: error instanceof Error ? error.message : 'unknown',
      });
    }
  }

  return {
    report(delegationId, message) {
      if (!waiting.has(delegationId)) setTimeout(() => void write(delegationId), PROGRESS_EVERY_MS).unref();
      waiting.set(delegationId, message.slice(0, MAX_PROGRESS_LENGTH).toWellFormed());
    },
    read: (delegationId) => state.get(keyOf(delegationId)),
  };
}
