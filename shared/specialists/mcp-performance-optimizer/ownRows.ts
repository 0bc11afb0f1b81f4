import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { TableProbe } from '../../platform/tables/azureTableProbe.ts';
import type { RowKey } from '../../platform/tables/tables.ts';
import { type Measured, measure, measureEach } from './measure.ts';

/** What was measured with rows that nobody else uses. */
export interface OwnRowTimes {
  readonly write: Measured;
  readonly read: Measured;
  readonly remove: Measured;
}

/** Rows that are older were left by somebody who died. */
const LEFT_AFTER_MS = 600_000;
/** To take away what is left of a measurement that was given up. */
const TIDY_WITHIN_MS = 500;

/** Writes rows of its own, reads them and removes them, one operation after another. What others left behind goes too. */
export async function measureOwnRows(
  probe: TableProbe,
  { delegationId, signal, clock }: Pick<TaskHelpers, 'delegationId' | 'signal' | 'clock'>,
  { times, withinMs }: { readonly times: number; readonly withinMs: number },
): Promise<OwnRowTimes> {
  const endsAt = performance.now() + withinMs;
  const limits = () => ({ withinMs: endsAt - performance.now(), signal });
  const now = clock.now();
  const written: RowKey[] = [];
  const names = Array.from({ length: times }, (_, index) => `${delegationId}_${index}`);
  const write = await measureEach(
    names,
    async (name, limit) => written.push(await probe.write(now, name, limit)),
    limits(),
  );
  const read = await measureEach(written, (key, limit) => probe.read(key, limit), limits());
  const remove = await measureEach(written, (key, limit) => probe.remove(key, limit), limits());
  const tidy = async (limit: AbortSignal) => {
    if (remove.fault) await Promise.all(written.map((key) => probe.remove(key, limit)));
    await probe.clear(new Date(now.getTime() - LEFT_AFTER_MS), limit);
  };
  await measure(tidy, { times: 1, withinMs: TIDY_WITHIN_MS, signal });
  return { write, read, remove };
}
