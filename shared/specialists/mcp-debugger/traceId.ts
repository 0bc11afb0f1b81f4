import { z } from 'zod';

/** W3C Trace Context, 3.2.2.3. The answers of both apps have it in the header `traceparent`. */
export const traceIdSchema = z
  .string()
  .regex(/^(?!0{32})[0-9a-f]{32}$/, 'must be the 32 hexadecimal digits of a trace id');
