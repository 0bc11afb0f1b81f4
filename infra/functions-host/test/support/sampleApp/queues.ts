import { app, type InvocationContext } from '@azure/functions';
import { report } from './report.ts';

interface Work {
  readonly id: string;
  readonly fail?: boolean;
  /** How many messages to wait for on the first delivery, so that all of them end in the same tick. */
  readonly together?: number;
}

let waiting: (() => void)[] = [];

/** Ends the wait of all that wait, however few they are. */
process.on('message', ({ type }: { readonly type?: unknown }) => {
  if (type !== 'meet') return;
  for (const go of waiting) go();
  waiting = [];
});

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
    if (together !== undefined && context.triggerMetadata?.['deliveryCount'] === 1) await meet(together);
    if (fail) {
      // The host takes some microtasks more for a function that returns; this one is to be settled right behind it.
      for (let count = 0; count < 20; count += 1) await Promise.resolve();
      throw new Error(`${id} fails on purpose`);
    }
    report('returned', id);
  },
});
