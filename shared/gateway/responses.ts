import type { Era } from '../registry/server.ts';
import { MISSING_CLIENT_CAPABILITY } from './errorCodes.ts';
import type { Outcome, RequestId } from './jsonRpc.ts';
import { OPENING_COMMENT } from './sse.ts';

/** One JSON-RPC response by itself. */
export function jsonResponse(status: number, id: RequestId | null, outcome: Outcome): Response {
  return new Response(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }), {
    status,
    headers: { 'content-type': 'application/json' },
  });
}

/**
 * What a method came to, with HTTP 200 for errors too: the call was heard. Only -32021 goes to a modern client as a 400
 * (2026-07-28, basic, Per-request protocol fields).
 */
export function outcomeResponse(era: Era, id: RequestId, outcome: Outcome): Response {
  const lacksCapability = 'error' in outcome && outcome.error.code === MISSING_CLIENT_CAPABILITY;
  return jsonResponse(era === 'modern' && lacksCapability ? 400 : 200, id, outcome);
}

export interface EventSource {
  /** The next event, and whether it is the last. Must not reject: on Azure a body that fails never ends. */
  next(): Promise<{ readonly event: Uint8Array; readonly last: boolean }>;
  /** The client has dropped the body. */
  cancel(): void;
}

/** A stream of server-sent events, made as the client reads them. A comment goes first, so that the headers leave at once. */
export function eventResponse(source: EventSource): Response {
  let dropped = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(OPENING_COMMENT);
    },
    async pull(controller) {
      const { event, last } = await source.next();
      if (dropped) return;
      controller.enqueue(event);
      if (last) controller.close();
    },
    cancel() {
      dropped = true;
      source.cancel();
    },
  });
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      // Reverse proxies otherwise hold events back (2026-07-28, transports, Receiving Messages).
      'x-accel-buffering': 'no',
    },
  });
}
