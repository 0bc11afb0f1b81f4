import type { Outcome } from '../delegation/outcome.ts';

/**
 * A step's input may hold `{"$outcomeOf": "<step>"}` in the place of the outcome of a step that it depends on. Takes each
 * such place and gives back the input with what `outcomeOf` says of the step.
 */
export function resolveReferences(
  input: unknown,
  outcomeOf: (stepId: string) => Outcome | undefined,
): unknown {
  if (Array.isArray(input)) return input.map((item) => resolveReferences(item, outcomeOf));
  if (typeof input !== 'object' || input === null) return input;
  if ('$outcomeOf' in input && typeof input.$outcomeOf === 'string') return outcomeOf(input.$outcomeOf);
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [key, resolveReferences(value, outcomeOf)]),
  );
}
