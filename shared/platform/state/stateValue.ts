import type { z } from 'zod';

/** A value of the state, if it is there and as the schema says: what somebody else wrote is nothing that one knows. */
export function parseStateValue<T>(text: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
