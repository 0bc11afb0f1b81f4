import { type AuditRecord, recordId, type Segment, SEGMENT_LENGTH } from '../model/record.ts';
import type { Fault, Tampering } from './tampering.ts';

/** The records of one segment that have been read so far. They are checked together when all are read. */
export interface Slot {
  readonly segment: Segment;
  /** Returns whether the segment, as it was read, has a record with this sequence number. */
  isKnown(seq: number): boolean;
  /** Adds an intact record in its place. */
  put(record: AuditRecord): void;
  /** Notes that something else is in the place. */
  occupy(seq: number): void;
  /** Returns whether all of its records were added. */
  isComplete(): boolean;
  /**
   * Returns the faults in the links between the records, and drops the records. `lastFound`: the last number of the chain that
   * was found.
   */
  judge(lastFound: number): readonly Fault[];
}

type Link = Pick<AuditRecord, 'at' | 'previous' | 'hash'>;

export function createSlot(segment: Segment): Slot {
  const first = segment.number * SEGMENT_LENGTH;
  const end = first + segment.count;
  const occupied = new Set<number>();
  let links: (Link | undefined)[] = [];
  let found = 0;

  function judge(lastFound: number): Fault[] {
    const faults: Fault[] = [];
    let at = segment.firstAt;
    let expected: string | undefined = segment.start;
    const fault = (seq: number, reason: Tampering) => {
      faults.push({ id: recordId(segment.chain, seq), at, seq, reason });
    };
    for (let seq = first; seq < end; seq++) {
      const link = links[seq - first];
      if (!link) {
        if (!occupied.has(seq)) fault(seq, seq > lastFound ? 'truncated' : 'deleted');
        if (seq > lastFound) break;
      } else if (expected !== undefined && link.previous !== expected) {
        // Both are intact, so someone wrote the earlier one again, with another hash.
        fault(Math.max(seq - 1, first), 'edited');
      }
      at = link?.at ?? at;
      expected = link?.hash;
    }
    if (links[segment.count - 1] && expected !== segment.head) fault(end - 1, 'edited');
    links = [];
    return faults;
  }

  return {
    segment,
    isKnown: (seq) => seq >= first && seq < end,
    put({ seq, at, previous, hash }) {
      links[seq - first] = { at, previous, hash };
      found += 1;
    },
    occupy: (seq) => void occupied.add(seq),
    isComplete: () => found === segment.count,
    judge,
  };
}
