import { isLiteral, variablesOf } from './placeholders.ts';
import { isSecretName, isSecretVariable } from './secretNames.ts';

/** Where a value stands in a document. */
export type Path = readonly (string | number)[];

/** Returns whether an input (header, environment variable, flag, variable) is marked as secret or has the name of a secret. */
export function isSecretInput(node: object, path: Path): boolean {
  if ('isSecret' in node && node.isSecret === true) return true;
  const name = 'name' in node && typeof node.name === 'string' ? node.name : undefined;
  if (path.at(-2) === 'headers') return name !== undefined && isSecretName(name);
  const isNamed = typeof path.at(-1) === 'number' || path.at(-2) === 'variables';
  const hint = 'valueHint' in node && typeof node.valueHint === 'string' ? node.valueHint : undefined;
  return isNamed && isSecretVariable(name ?? hint ?? String(path.at(-1)));
}

/** Returns the field of an input that holds a literal, or `undefined`. */
export function literalFieldOf(input: unknown): 'value' | 'default' | 'choices' | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const { value, default: otherwise, choices } = input as Readonly<Record<string, unknown>>;
  if (typeof value === 'string' && isLiteral(value)) return 'value';
  if (typeof otherwise === 'string' && isLiteral(otherwise)) return 'default';
  return Array.isArray(choices) && choices.some((choice) => typeof choice === 'string' && isLiteral(choice))
    ? 'choices'
    : undefined;
}

/** Returns whether the argument at this place follows a bare flag such as `--token`. */
export function followsSecretFlag(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  if (typeof before !== 'object' || before === null || !('value' in before)) return false;
  const { value } = before;
  return typeof value === 'string' && /^-{1,2}[\w.-]+$/.test(value) && isSecretVariable(value);
}

/** A shorter default of a variable may be an authentication scheme, such as `Bearer`. */
const LONGER_THAN_A_SCHEME = /[\w+/=.~-]{8,}/;

/** Returns the paths of literals that fill the template of a secret input, or a secret parameter of a URL template. */
export function literalVariables(node: object, isSecret: boolean): Path[] {
  if (!('variables' in node) || typeof node.variables !== 'object' || node.variables === null) return [];
  const url = 'url' in node && typeof node.url === 'string' ? node.url : '';
  const ofUrl = [...url.matchAll(/[?&;]([^?&;=]*)=([^&;#]*)/g)]
    .filter(([, name = '']) => isSecretName(name))
    .flatMap(([, , value = '']) => variablesOf(value));
  return Object.entries(node.variables).flatMap(([name, variable]: [string, unknown]): Path[] => {
    if (!isSecret && !ofUrl.includes(name)) return [];
    const field = literalFieldOf(variable);
    if (field === undefined || field === 'choices') return [];
    const literal = (variable as Readonly<Record<string, unknown>>)[field];
    return LONGER_THAN_A_SCHEME.test(String(literal)) ? [['variables', name, field]] : [];
  });
}
