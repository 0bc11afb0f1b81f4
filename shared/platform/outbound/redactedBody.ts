import type { OutboundBody } from './outboundBody.ts';
import type { Redactor } from '../security/redact.ts';

/** Larger than any answer that is taken: a longer line is given on as it is and refused for its size. */
const MAX_HELD_BYTES = 4 * 1024 * 1024 + 1;

/**
 * A body whose secrets are redacted. Of a body that is read in chunks only whole lines are given: no secret spans two lines, and
 * who reads events waits for the end of the line anyway.
 */
export function redactedBody(body: OutboundBody, redactor: Redactor): OutboundBody {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (last?: Buffer): Buffer => {
    const parts = last === undefined ? held : [...held, last];
    held = [];
    heldBytes = 0;
    return redactor.bytes(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  };
  return {
    async bytes(maxBytes, idleMs) {
      const whole = await body.bytes(maxBytes, idleMs);
      return whole && redactor.bytes(whole);
    },
    async next(idleMs) {
      for (;;) {
        const chunk = await body.next(idleMs);
        if (chunk === undefined) return heldBytes === 0 ? undefined : take();
        const end = Math.max(chunk.lastIndexOf(10), chunk.lastIndexOf(13)) + 1;
        const lines = end === 0 ? undefined : take(chunk.subarray(0, end));
        if (end < chunk.byteLength) held.push(chunk.subarray(end));
        heldBytes += chunk.byteLength - end;
        if (lines) return lines;
        if (heldBytes > MAX_HELD_BYTES) return take();
      }
    },
    leave: (lingerMs) => {
      body.leave(lingerMs);
    },
  };
}
