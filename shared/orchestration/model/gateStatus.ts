import type { Plan } from './plan.ts';

/** How a run of a gate stands. One that was cancelled did not pass. */
export function gateStatus({ state }: Pick<Plan, 'state'>): 'running' | 'passed' | 'failed' {
  if (state === 'succeeded') return 'passed';
  return state === 'running' || state === 'compensating' ? 'running' : 'failed';
}

/** The critical check that did not pass, and ended the run. */
export const failedCheck = ({ steps }: Plan): string | undefined =>
  steps.find(({ state, severity }) => state === 'failed' && severity === 'critical')?.id;
