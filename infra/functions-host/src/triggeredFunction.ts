import type { RegisteredFunction } from './coreApi.ts';
import type { BindingInfo } from './coreTypes.ts';

/** A function with the binding that starts it. */
export interface TriggeredFunction extends RegisteredFunction {
  readonly name: string;
  readonly bindingName: string;
  readonly trigger: BindingInfo;
}

/** Told of each function that is left out, and why. */
export type Report = (functionName: string, problem: string) => void;

const TRIGGERS = new Set(['httpTrigger', 'serviceBusTrigger', 'timerTrigger']);

/** Finds the trigger of a function. Throws when it has a binding that this host would have to pass over. */
export function toTriggered(registered: RegisteredFunction): TriggeredFunction {
  const { name, bindings } = registered.metadata;
  const [first, ...rest] = Object.entries(bindings).filter(
    ([bindingName, { type }]) => !(bindingName === '$return' && type === 'http'),
  );
  if (!first) throw new Error('it has no trigger');
  for (const [, { type }] of [first, ...rest]) {
    if (!TRIGGERS.has(type)) throw new Error(`bindings of type ${type} are not run here`);
  }
  return { ...registered, name, bindingName: first[0], trigger: first[1] };
}

/** The functions as `read` understands them, but for those it throws on, which are reported. */
export function readAll<From extends RegisteredFunction, To>(
  functions: Iterable<From>,
  read: (from: From) => To,
  report: Report,
): To[] {
  return [...functions].flatMap((from) => {
    try {
      return [read(from)];
    } catch (error) {
      report(from.metadata.name, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}
