import { z } from 'zod';
import type { Agent } from '../../shared/orchestration/model/agents.ts';
import { defineTask, type Task } from '../../shared/orchestration/tasks/task.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';

/** What tests need not say of a task. */
export const plainDefinition = {
  permissions: ['delegations.read'],
  description: '',
  timeoutMs: 1_000,
  output: z.unknown(),
} as const;

/** A task that takes anything and comes to the same thing at once. */
export const plainTask = (agent: Agent, name: string, result: Result<unknown> = succeed(null)): Task =>
  defineTask({
    ...plainDefinition,
    name,
    agent,
    input: z.unknown(),
    run: () => Promise.resolve(result),
  });
