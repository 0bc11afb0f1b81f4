import { parentPort } from 'node:worker_threads';

/** A thread for `boundedWorker.test.ts`: does what the job says, and answers with the job. */
parentPort?.on('message', (text: string) => {
  const { act } = JSON.parse(text) as { readonly act?: 'spin' | 'throw' | 'environment' };
  if (act === 'throw') throw new Error('the wheel came off');
  while (act === 'spin');
  parentPort?.postMessage(act === 'environment' ? Object.keys(process.env) : text);
});
parentPort?.postMessage('ready');
