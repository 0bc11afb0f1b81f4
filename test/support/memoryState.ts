import { azureTableStateStore } from '../../shared/platform/azureTableStateStore.ts';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import type { StateStore } from '../../shared/platform/stateStore.ts';
import { memoryTables } from './memoryTables.ts';

/** The state store on tables in memory. */
export const memoryState = (clock: Clock = systemClock): StateStore =>
  azureTableStateStore(memoryTables(), clock).state;
