import { expect } from 'vitest';
import type { Api } from './managementApi.ts';

export interface ShownFinding {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly remedy: string;
}

/** What tasks of specialists give, whichever of the shapes of `finding.ts` it is. */
export interface TaskResult {
  readonly passed?: boolean;
  readonly status?: string;
  readonly error?: string;
  readonly summary?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly evidence?: Readonly<Record<string, unknown>>;
  readonly findings: readonly ShownFinding[];
}

/** Has work done over the queues, and gives its result once it has succeeded. */
export async function delegated<T = TaskResult>(api: Api, work: object): Promise<T> {
  const begun = await api.post('/delegations?wait=30', work);
  expect(begun.body).toMatchObject({ state: 'succeeded' });
  const { body } = await api.get(begun.headers.get('location') ?? '');
  return body['result'] as T;
}

/** `rule:severity` of each finding. */
export const rulesOf = ({ findings }: Pick<TaskResult, 'findings'>): readonly string[] =>
  findings.map(({ rule, severity }) => `${rule}:${severity}`);
