/**
 * What was done to a record. `edited`: its content, its hash or the end of its chain is not what was written. `deleted`: it is
 * missing, and later ones are there. `truncated`: it and all after it are missing, or what says where its chain ends. `swapped`:
 * another record is in its place. `doubled`: its place holds a second copy of a record.
 */
export type Tampering = 'edited' | 'deleted' | 'swapped' | 'truncated' | 'doubled';

export interface Fault {
  readonly id: string;
  readonly at: string;
  readonly seq: number;
  readonly reason: Tampering;
}

/** The oldest fault. */
export function firstOf(faults: readonly Fault[]): Fault | undefined {
  return [...faults].sort((a, b) => (a.at === b.at ? a.seq - b.seq : a.at < b.at ? -1 : 1))[0];
}
