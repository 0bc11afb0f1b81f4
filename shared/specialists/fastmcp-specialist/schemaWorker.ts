import { parentPort } from 'node:worker_threads';
import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import { contentProblems, schemaProblems } from './outputSchema.ts';

/** The thread that `schemaChecker.ts` starts. Returns the problems of a schema, or of content against its schema. */
function problemsOf(text: string): readonly string[] {
  const job: unknown = JSON.parse(text);
  const { schema, content } = isObject(job) ? job : {};
  return isObject(schema) && content !== undefined
    ? contentProblems(schema, content)
    : schemaProblems(schema);
}

parentPort?.on('message', (text: string) => {
  parentPort?.postMessage(problemsOf(text));
});
parentPort?.postMessage('ready');
