import type { Log } from '../../platform/telemetry/log.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';

/** How far running tasks are, in their own words: for those who wait, and not part of any record. */
export interface ProgressBoard {
  note(delegationId: string, message: string): void;
  read(delegationId: string): Promise<string | undefined>;
}

const SHOW_EVERY_MS = 1_000;
const KEEP_MS = 3_600_000;
const MAX_LENGTH = 500;
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
      await state.set(keyOf(delegationId), message, KEEP_MS);
    } catch (error) {
      log.warn('progress_untold', {
        delegationId,
        reason: error instanceof Error ? error.message : 'unknown',
      });
    }
  }

  return {
    note(delegationId, message) {
      if (!waiting.has(delegationId)) setTimeout(() => void show(delegationId), SHOW_EVERY_MS).unref();
      waiting.set(delegationId, message.slice(0, MAX_LENGTH).toWellFormed());
    },
    read: (delegationId) => state.get(keyOf(delegationId)),
  };
}
