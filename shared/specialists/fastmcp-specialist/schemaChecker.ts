import { extname } from 'node:path';
import * as z from 'zod';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { type BoundedWorker, createBoundedWorker } from '../../platform/concurrency/boundedWorker.ts';

/**
 * Returns the problems of a schema; with content, how the content differs from the schema, which must be valid. Schemas and
 * content are untrusted: a failure says why they were not checked.
 */
export type CheckSchema = (schema: unknown, content?: unknown) => Promise<Result<readonly string[]>>;

/** Returns the checks of one server. */
export type SchemaChecker = (tenantId: string) => CheckSchema;

/** After this many schemas that took too long, the rest of a server is not checked: each costs a new thread. */
const MAX_ENDED = 3;

/** The thread's file lies beside this one, both as source and in the build, where this code is a chunk. */
const threadFile = () => new URL(`./schemaWorker${extname(import.meta.url)}`, import.meta.url);

const problemsSchema = z.array(z.string());

/** Checks in a thread that is ended when a check takes too long. The first check starts the thread. */
export function createSchemaChecker(
  worker: BoundedWorker = createBoundedWorker(threadFile()),
): SchemaChecker {
  return (tenantId) => {
    let ended = 0;
    return async (schema, content) => {
      if (ended === MAX_ENDED)
        return fail({ kind: 'timeout', message: `${MAX_ENDED} other schemas of its server took too long` });
      const answer = await worker.run(tenantId, { schema, content });
      if (answer.ok) return succeed(problemsSchema.parse(answer.value));
      if (answer.error.kind === 'timeout') ended += 1;
      return answer;
    };
  };
}
