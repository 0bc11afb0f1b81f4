import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { MAX_PROGRESS_LENGTH, PROGRESS_EVERY_MS, PROGRESS_KEPT_MS } from '../model/limits.ts';

/** How far running tasks are, in their own words: for those who wait, and not part of any record. */
export interface ProgressBoard {
  note(delegationId: string, message: string): void;
  read(delegationId: string): Promise<string | undefined>;
}

const keyOf = (delegationId: string): string => `mreg:progress:${delegationId}`;

/** Shows the newest words of each task, at most once a second. */
export function createProgressBoard({
  state,
  log,
}: {
  readonly state: StateStore;
  readonly log: Log;
}): ProgressBoard {
  const waiting = new Map<string, string>();

  async function show(delegationId: string): Promise<void> {
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
    note(delegationId, message) {
      if (!waiting.has(delegationId)) setTimeout(() => void show(delegationId), PROGRESS_EVERY_MS).unref();
      waiting.set(delegationId, message.slice(0, MAX_PROGRESS_LENGTH).toWellFormed());
    },
    read: (delegationId) => state.get(keyOf(delegationId)),
  };
}
