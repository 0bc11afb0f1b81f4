import { continueTrace, traceparentOf } from '../../platform/trace.ts';

/** Headers by which what a check sets off, refusals in the audit trail among it, carries the trace of the check. */
export const tracedHeaders = (traceId: string): Readonly<Record<string, string>> => ({
  traceparent: traceparentOf({ ...continueTrace(undefined), traceId }),
});
