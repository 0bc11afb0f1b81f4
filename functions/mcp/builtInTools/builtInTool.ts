import * as z from 'zod';
import type { BuiltInCall } from '../../../shared/gateway/catalogue/builtInTools.ts';
import type { Permission } from '../../../shared/identity/access/permissions.ts';
import { invalidBySchema, type Result } from '../../../shared/platform/base/result.ts';
import { IDEMPOTENCY_KEY_RULE, idempotencyKeyPattern } from '../../../shared/platform/http/idempotency.ts';
import type { Tool } from '../../../shared/registry/records/server.ts';

/** What clients may make of a tool (both eras, server/tools, Tool Annotations). */
interface Annotations {
  readonly readOnlyHint: boolean;
  /** Of tools that change something. */
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint: boolean;
}

interface BuiltInToolDefinition<Input> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Who sees it and may call it. */
  readonly permission: Permission;
  readonly annotations: Annotations;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType;
  run(input: Input, call: BuiltInCall): Promise<Result<unknown>>;
}

/** A definition closed over its types: arguments are parsed before it runs. */
export interface BuiltInTool {
  readonly permission: Permission;
  /** As clients see it. */
  readonly shown: Tool;
  run(args: unknown, call: BuiltInCall): Promise<Result<unknown>>;
}

export function defineBuiltInTool<Input>(definition: BuiltInToolDefinition<Input>): BuiltInTool {
  const { name, title, description, permission, annotations, input, output } = definition;
  return {
    permission,
    shown: {
      name,
      title,
      description,
      annotations,
      inputSchema: jsonSchema(input),
      outputSchema: jsonSchema(output),
    },
    async run(args, call) {
      const parsed = input.safeParse(args);
      return parsed.success
        ? definition.run(parsed.data, call)
        : invalidBySchema(parsed.error, 'what you ask for');
    },
  };
}

/** Without `$schema`: the protocol's own default is what zod writes (2025-11-25, basic, JSON Schema Usage). */
function jsonSchema(schema: z.ZodType) {
  // As input, since more fields may be added to an answer than its schema names.
  const { $schema: _, ...shown } = z.toJSONSchema(schema, { io: 'input' });
  return shown;
}

export const readOnly: Annotations = { readOnlyHint: true, openWorldHint: false };

/** For tools whose work may go on. */
export const waitSeconds = z
  .int()
  .min(0)
  .max(30)
  .default(20)
  .describe('How long to wait for the end. Work that goes on is answered with its id and state.');
export const idempotencyKey = z
  .string()
  .regex(idempotencyKeyPattern, IDEMPOTENCY_KEY_RULE)
  .optional()
  .describe(
    'Of your choice: asked again with the same key and the same arguments within a day, nothing new begins, and you learn how it went on. A new request needs a new key.',
  );
export const pageLimit = z.int().min(1).max(100).optional().describe('Items at most; 30 when absent.');
export const pageCursor = z.string().max(400).optional().describe('The nextCursor of the page before.');
