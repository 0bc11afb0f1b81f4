import type { Outcome } from '../delegation/outcome.ts';
import type { StepError } from './plan.ts';

/**
 * A step's input may hold, in the place of a value:
 * - `{"$outcomeOf": "<step>"}`: how a step ended that this one depends on, directly or through others;
 * - `{"$resultOf": "<step>", "at": "/a/0"}`: the result of such a step, or the part of it that a JSON pointer names (RFC 6901);
 * - `{"$planError": true}`: why the plan failed, for compensations.
 * What is not there becomes null.
 */
export type Reference =
  | { readonly kind: 'outcome'; readonly step: string }
  | { readonly kind: 'result'; readonly step: string; readonly at: string }
  | { readonly kind: 'plan_error' };

/** All references in an input, wherever they stand. */
export function referencesIn(input: unknown): readonly Reference[] {
  const reference = referenceOf(input);
  if (reference) return [reference];
  return typeof input === 'object' && input !== null ? Object.values(input).flatMap(referencesIn) : [];
}

/** What the references stand for. */
export interface Referents {
  readonly outcomeOf: (step: string) => Outcome | undefined;
  readonly planError: StepError | undefined;
}

/** The input with each reference replaced by what it stands for. */
export function resolveReferences(input: unknown, referents: Referents): unknown {
  const reference = referenceOf(input);
  if (reference) return resolve(reference, referents) ?? null;
  if (Array.isArray(input)) return input.map((item) => resolveReferences(item, referents));
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [key, resolveReferences(value, referents)]),
  );
}

function resolve(reference: Reference, { outcomeOf, planError }: Referents): unknown {
  if (reference.kind === 'plan_error') return planError;
  const outcome = outcomeOf(reference.step);
  if (reference.kind === 'outcome') return outcome;
  return outcome?.success ? atPointer(outcome.result, reference.at) : undefined;
}

function referenceOf(input: unknown): Reference | undefined {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
  if ('$planError' in input && input.$planError === true) return { kind: 'plan_error' };
  if ('$outcomeOf' in input && typeof input.$outcomeOf === 'string')
    return { kind: 'outcome', step: input.$outcomeOf };
  if (!('$resultOf' in input) || typeof input.$resultOf !== 'string') return undefined;
  const at = 'at' in input && typeof input.at === 'string' ? input.at : '';
  return { kind: 'result', step: input.$resultOf, at };
}

/** The part of a value at a JSON pointer; undefined where there is none. */
function atPointer(value: unknown, pointer: string): unknown {
  if (pointer === '') return value;
  if (!pointer.startsWith('/')) return undefined;
  let part = value;
  for (const escaped of pointer.slice(1).split('/')) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof part !== 'object' || part === null || !Object.hasOwn(part, key)) return undefined;
    if (Array.isArray(part) && !/^\d+$/.test(key)) return undefined;
    part = (part as Readonly<Record<string, unknown>>)[key];
  }
  return part;
}
