import { type AuditRecord, type Segment, SEGMENT_LENGTH, recordId } from '../model/record.ts';
import type { Fault, Tampering } from './tampering.ts';

/** The records of one segment, as far as they have been read, until they are judged together. */
export interface Slot {
  readonly segment: Segment;
  /** Whether the segment, as it was read, has a record with this sequence number. */
  isKnown(seq: number): boolean;
  /** A record that is intact and in its place. */
  put(record: AuditRecord): void;
  /** Something else is in the place. */
  occupy(seq: number): void;
  /** All of its records were put. */
  isComplete(): boolean;
  /** What is wrong with the records between each other. `lastFound`: the last number of the chain that was found. Forgets them. */
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
        // Each is intact by itself, so the earlier one was made anew, with another hash.
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
