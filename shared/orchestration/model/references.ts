import type { Outcome } from './outcome.ts';
import type { StepError } from './plan.ts';

/**
 * The author of a plan may write, in the place of a value of a step's input:
 * - `{"$outcomeOf": "<step>"}`: how a step ended that this one depends on, directly or through others;
 * - `{"$resultOf": "<step>", "at": "/a/0"}`: the result of such a step, or the part of it that a JSON pointer names (RFC 6901);
 * - `{"$planError": true}`: why the plan failed, for compensations.
 * A missing value becomes null.
 *
 * A step lists the places of its references, as JSON pointers into its input. An object at any other place is data, even when
 * it looks like a reference: callers, servers and other registries send such data. A value that a reference brings is data too.
 */
export type Reference =
  | { readonly kind: 'outcome'; readonly step: string }
  | { readonly kind: 'result'; readonly step: string; readonly at: string }
  | { readonly kind: 'plan_error' };

/** Where a reference is in an input. */
export interface ReferencePlace {
  readonly pointer: string;
  readonly reference: Reference;
}

/** Finds all references in an input. Only for an input whose every part the author of the plan wrote. */
export function findReferences(input: unknown, pointer = ''): readonly ReferencePlace[] {
  const reference = referenceOf(input);
  if (reference) return [{ pointer, reference }];
  if (typeof input !== 'object' || input === null) return [];
  return Object.entries(input).flatMap(([key, value]) => findReferences(value, `${pointer}/${escaped(key)}`));
}

/** The places of all references in an input that the author of the plan wrote. */
export const referencePointers = (input: unknown): string[] =>
  findReferences(input).map(({ pointer }) => pointer);

/** The references at the given places. */
export const referencesAt = (input: unknown, pointers: readonly string[]): readonly Reference[] =>
  pointers.flatMap((pointer) => referenceOf(atPointer(input, pointer)) ?? []);

/** What the references stand for. */
export interface Referents {
  readonly outcomeOf: (step: string) => Outcome | undefined;
  readonly planError: StepError | undefined;
}

/** Returns the input with each reference at the given places replaced by its value. No other part is even read. */
export function resolveReferences(
  input: unknown,
  pointers: readonly string[],
  referents: Referents,
): unknown {
  return replaceAt(input, pointers.map(keysOf), referents);
}

function replaceAt(value: unknown, paths: readonly (readonly string[])[], referents: Referents): unknown {
  if (paths.length === 0) return value;
  if (paths.some((path) => path.length === 0)) {
    const reference = referenceOf(value);
    return reference ? (resolve(reference, referents) ?? null) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const below = Map.groupBy(paths, ([key]) => key);
  const replaced = (key: string, part: unknown) =>
    replaceAt(part, below.get(key)?.map((path) => path.slice(1)) ?? [], referents);
  if (Array.isArray(value)) return value.map((part, index) => replaced(String(index), part));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaced(key, part)]));
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
  if (pointer !== '' && !pointer.startsWith('/')) return undefined;
  let part = value;
  for (const key of keysOf(pointer)) {
    if (typeof part !== 'object' || part === null || !Object.hasOwn(part, key)) return undefined;
    if (Array.isArray(part) && !/^\d+$/.test(key)) return undefined;
    part = (part as Readonly<Record<string, unknown>>)[key];
  }
  return part;
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** The keys that a JSON pointer goes through, one after another. */
const keysOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
