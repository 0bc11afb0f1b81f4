import type { StepDefinition } from './plan.ts';

interface Node {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** The steps that can never begin, since they depend on themselves, directly or through others, or on such a step. */
export function stepsOnCycles(steps: readonly Node[]): readonly string[] {
  const waiting = new Map(steps.map((step) => [step.id, step]));
  for (let moved = true; moved;) {
    moved = false;
    for (const { id, dependsOn } of waiting.values()) {
      if (dependsOn.some((needed) => waiting.has(needed))) continue;
      waiting.delete(id);
      moved = true;
    }
  }
  return [...waiting.keys()];
}

/** All that a step waits for, directly or through others. The graph must have no cycles. */
export function ancestorsOf(id: string, steps: readonly Node[]): ReadonlySet<string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const found = new Set<string>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const needed of byId.get(next)?.dependsOn ?? []) {
      if (found.has(needed)) continue;
      found.add(needed);
      open.push(needed);
    }
  }
  return found;
}

/** The steps one after another: each waits for the one before it. */
export const inOrder = (steps: readonly StepDefinition[]): readonly StepDefinition[] =>
  steps.map((step, index) => {
    const before = steps[index - 1];
    return before ? { ...step, dependsOn: [before.id] } : step;
  });
