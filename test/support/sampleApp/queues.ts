import { app, type InvocationContext } from '@azure/functions';
import { report } from './report.ts';

interface Work {
  readonly id: string;
  readonly fail?: boolean;
  /** How many messages to wait for, so that all of them end in the same tick. */
  readonly together?: number;
}

let waiting: (() => void)[] = [];

async function meet(count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.push(resolve);
    if (waiting.length < count) return;
    for (const go of waiting) go();
    waiting = [];
  });
}

app.serviceBusQueue('work', {
  connection: 'SAMPLE_SERVICE_BUS',
  queueName: '%SAMPLE_QUEUE%',
  handler: async (message: unknown, context: InvocationContext) => {
    report('message', { message, metadata: context.triggerMetadata });
    const { id, fail, together } = message as Work;
    if (together !== undefined) await meet(together);
    if (fail) throw new Error(`${id} fails on purpose`);
    report('returned', id);
  },
});
