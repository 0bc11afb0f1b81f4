import { app, type InvocationContext, type Timer } from '@azure/functions';
import { report } from './report.ts';

const see = (name: string) => (timer: Timer, context: InvocationContext) => {
  report(name, { timer, triggerMetadata: context.triggerMetadata });
};

app.timer('hourly', { schedule: '0 0 * * * *', handler: see('hourly') });
app.timer('atStart', { schedule: '%SAMPLE_SCHEDULE%', runOnStartup: true, handler: see('atStart') });

let attempts = 0;
app.timer('retried', {
  schedule: '0 0 0 1 1 *',
  runOnStartup: true,
  retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: 0 },
  handler: (_, context) => {
    attempts += 1;
    report('retried', context.retryContext ?? null);
    if (attempts < 3) throw new Error(`attempt ${attempts} fails on purpose`);
  },
});
