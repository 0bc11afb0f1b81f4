import { app } from '@azure/functions';

const handler = () => ({ body: 'never reached' });

/** Functions that Azure, or this host, would not run, beside one that runs. */
app.http('runs', { route: 'runs', methods: ['GET'], handler: () => ({ body: 'runs' }) });
app.http('runsToo', { route: 'RUNS', methods: ['GET', 'POST'], handler });
app.http('adminRoute', { route: 'administration', methods: ['GET'], handler });
app.http('unknownConstraint', { route: 'x/{id:datetime}', methods: ['GET'], handler });
app.storageQueue('otherTrigger', { queueName: 'q', connection: 'C', handler: () => {} });
app.timer('badSchedule', { schedule: '0 0 31 2 *', handler: () => {} });
app.serviceBusQueue('noConnection', { queueName: 'q', connection: 'NOT_SET', handler: () => {} });
app.serviceBusTopic('topic', { topicName: 't', subscriptionName: 's', connection: 'C', handler: () => {} });
