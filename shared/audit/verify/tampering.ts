/**
 * The kind of change to a record. `edited`: its content, its hash or the end of its chain was changed. `deleted`: it is missing,
 * and later records exist. `truncated`: it and all later records are missing, or the segment that names the end of the chain.
 * `swapped`: another record is in its place. `doubled`: its place holds a copy of another record.
 */
export type Tampering = 'edited' | 'deleted' | 'swapped' | 'truncated' | 'doubled';

export interface Fault {
  readonly id: string;
  readonly at: string;
  readonly seq: number;
  readonly reason: Tampering;
}

/** Returns the oldest fault. */
export function firstOf(faults: readonly Fault[]): Fault | undefined {
  return [...faults].sort((a, b) => (a.at === b.at ? a.seq - b.seq : a.at < b.at ? -1 : 1))[0];
}
