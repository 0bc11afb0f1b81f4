import { packedLength } from '../../platform/tables/tableDocument.ts';
import {
  MAX_DISCOVERY_LENGTH,
  MAX_PACKED_DISCOVERY_BYTES,
  MAX_PLAIN_DISCOVERY_LENGTH,
} from '../protocol/limits.ts';

/** The room of a record for what its server offers. */
export interface Room {
  /** Takes the place of a value. Returns `false`, and takes none, when the record has no room for it. */
  take(value: unknown): boolean;
  /** Returns a function that gives back the places that were taken since. */
  mark(): () => void;
}

/**
 * Texts are packed in pieces of this length: the packing looks back 32 KiB only, so the sum is close to the whole. The last
 * piece is not counted.
 */
const PIECE_LENGTH = 128 * 1024;

export function createRoom(): Room {
  let length = 0;
  /** Bytes of what has been packed, and the texts that have not. */
  let packed = 0;
  let unpacked = '';

  return {
    take(value) {
      const text = JSON.stringify(value);
      const giveBack = this.mark();
      length += text.length;
      unpacked += text;
      if (length <= MAX_PLAIN_DISCOVERY_LENGTH) return true;
      if (unpacked.length > PIECE_LENGTH) {
        packed += packedLength(unpacked);
        unpacked = '';
      }
      const fits = length <= MAX_DISCOVERY_LENGTH && packed <= MAX_PACKED_DISCOVERY_BYTES;
      if (!fits) giveBack();
      return fits;
    },
    mark() {
      const before = { length, packed, unpacked };
      return () => {
        ({ length, packed, unpacked } = before);
      };
    },
  };
}
