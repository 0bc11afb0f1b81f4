import type { Redactor } from '../security/redact.ts';
import type { OutboundBody } from './outboundBody.ts';

/** More than any response that a reader accepts (4 MiB). A longer line passes in parts, and the reader rejects it for its size. */
const MAX_HELD_BYTES = 4 * 1024 * 1024 + 1;

/**
 * Returns a body without the secrets of `redactor`. Chunks end at line ends: no secret spans two lines, and a reader of events
 * waits for the end of the line in any case.
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
