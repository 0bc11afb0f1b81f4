import { z } from 'zod';
import type { Task } from './task.ts';

/** What a task takes and what comes back, as JSON Schema. Parts that have none are shown as anything. */
export function taskSchemas({ input, output }: Pick<Task, 'input' | 'output'>): {
  readonly input: z.core.JSONSchema.BaseSchema;
  readonly output: z.core.JSONSchema.BaseSchema;
} {
  return {
    input: z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }),
    output: z.toJSONSchema(output, { unrepresentable: 'any' }),
  };
}
