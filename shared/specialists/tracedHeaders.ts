import { continueTrace, traceparentOf } from '../platform/telemetry/trace.ts';

/** Headers by which all that a call sets off, in the audit trail too, is found under the trace of the task that made it. */
export const tracedHeaders = (traceId: string): Readonly<Record<string, string>> => ({
  traceparent: traceparentOf({ ...continueTrace(undefined), traceId }),
});
