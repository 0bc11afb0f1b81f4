/**
 * An app that shows how its host behaves: each function does one thing that hosts are known to treat differently.
 * `SAMPLE_STREAMING` turns HTTP streaming on, `SAMPLE_FUNCTIONS` names the groups of functions to register.
 */
import { app } from '@azure/functions';

app.setup({ enableHttpStream: process.env['SAMPLE_STREAMING'] === 'on' });

const GROUPS: Readonly<Record<string, () => Promise<unknown>>> = {
  http: () => import('./http.ts'),
  hooks: () => import('./hooks.ts'),
  queues: () => import('./queues.ts'),
  timers: () => import('./timers.ts'),
  errors: () => import('./inError.ts'),
  broken: () => Promise.reject(new Error('this app is broken on purpose')),
};

for (const group of process.env['SAMPLE_FUNCTIONS']?.split(',') ?? []) await GROUPS[group]?.();
