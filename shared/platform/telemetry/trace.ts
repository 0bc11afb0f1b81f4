import { randomHex } from '../base/ids.ts';

/** A W3C trace context: one trace id for all that one request sets off, a span id for each part of it. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
}

/** Version 00 ends after the flags, later versions may go on; version ff and ids of zeros are invalid. */
const pattern =
  /^(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** Continues the trace of a `traceparent` header; starts a new one where it is absent or malformed (W3C Trace Context 4.3). */
export function continueTrace(traceparent: string | null | undefined): Trace {
  const [, traceId] = pattern.exec(traceparent ?? '') ?? [];
  return {
    traceId: traceId ?? randomHex(16),
    spanId: randomHex(8),
  };
}

export const traceparentOf = (trace: Trace): string => `00-${trace.traceId}-${trace.spanId}-01`;
