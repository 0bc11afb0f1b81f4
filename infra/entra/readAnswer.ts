import type { z } from 'zod';
import { LocalError } from '../local/localError.ts';

/** Returns an answer of Graph in the form that the gateway needs. @throws LocalError that names the members in question */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const where = result.error.issues.map(({ path }) => path.join('.') || 'the body').join(', ');
  throw new LocalError(`Microsoft Graph answered ${what} that cannot be read: ${where}`);
}
