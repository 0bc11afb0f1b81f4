import { app } from '@azure/functions';
import { report } from './report.ts';

app.hook.appStart(({ hookData }) => {
  hookData['started'] = true;
  report('appStart', hookData);
});
app.hook.appTerminate(({ hookData }) => {
  report('appTerminate', hookData);
});
app.hook.preInvocation((context) => {
  context.hookData['from'] = 'preInvocation';
  const handler = context.functionHandler;
  context.functionHandler = (...inputs): unknown => handler(...inputs);
  context.inputs = [...context.inputs];
});
app.hook.postInvocation((context) => {
  report('postInvocation', {
    hookData: context.hookData,
    error: context.error instanceof Error,
    result: context.result,
  });
  if (context.error instanceof Error && context.error.message === 'forgiven') {
    context.error = null;
    context.result = { body: 'replaced by a hook' };
  }
});
app.hook.log((context) => {
  if (context.category === 'user') context.message = `hooked: ${context.message}`;
});

app.http('hooked', {
  route: 'hooked',
  methods: ['GET'],
  handler: (_, context) => {
    context.warn('a warning of the function');
    return { body: 'hooked' };
  },
});
app.http('forgiven', {
  route: 'forgiven',
  methods: ['GET'],
  handler: () => {
    throw new Error('forgiven');
  },
});
