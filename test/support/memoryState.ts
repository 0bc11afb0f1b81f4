import { type Clock, systemClock } from '../../shared/platform/base/clock.ts';
import { azureTableStateStore } from '../../shared/platform/state/azureTableStateStore.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { memoryTables } from './memoryTables.ts';

/** The state store on tables in memory. */
export const memoryState = (clock: Clock = systemClock): StateStore =>
  azureTableStateStore(memoryTables(), clock).state;
