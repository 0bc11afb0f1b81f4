import { parentPort } from 'node:worker_threads';
import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import { contentProblems, schemaProblems } from './outputSchema.ts';

/** The thread that `schemaChecker.ts` starts. It judges a schema, or content by its schema, and answers with the problems. */
function judge(text: string): readonly string[] {
  const job: unknown = JSON.parse(text);
  const { schema, content } = isObject(job) ? job : {};
  return isObject(schema) && content !== undefined
    ? contentProblems(schema, content)
    : schemaProblems(schema);
}

parentPort?.on('message', (text: string) => {
  parentPort?.postMessage(judge(text));
});
parentPort?.postMessage('ready');
