import type { BindingInfo } from './coreTypes.ts';
import { readAll, type Report, type TriggeredFunction } from './triggeredFunction.ts';

export interface HttpFunction extends TriggeredFunction {
  readonly methods: readonly string[];
  readonly authLevel: string;
  /** The full template: prefix and route, without a leading slash. */
  readonly template: string;
  readonly match: RouteMatcher;
}

/** The values that a decoded path gives the parameters of a route, or undefined where it does not match. */
export type RouteMatcher = (path: string) => Record<string, string> | undefined;

type Constraint = (value: string) => boolean;

const INT32_MAX = 2_147_483_647;
const GUID = /^(?:[0-9a-f]{32}|(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}))$/i;

/** The constraints this host knows. Any other is refused when the route is compiled, never passed over. */
const CONSTRAINTS: Readonly<Record<string, (argument: string) => Constraint>> = {
  int: () => (value) =>
    /^[+-]?\d+$/.test(value) && Number(value) <= INT32_MAX && Number(value) >= -INT32_MAX - 1,
  guid: () => (value) => GUID.test(value.replace(/^\{(.*)\}$|^\((.*)\)$/, '$1$2')),
  regex: (pattern) => {
    const expression = new RegExp(pattern.replaceAll('{{', '{').replaceAll('}}', '}'), 'i');
    return (value) => expression.test(value);
  },
};

const PARAMETER = /^\{(?<catchAll>\*{0,2})(?<name>\w+)(?<constraints>(?::.*?)?)(?<optional>\??)\}$/s;

/**
 * Compiles a route template of literals, `{p}`, `{p?}`, `{p:int}`, `{p:guid}`, `{p:regex(...)}` and `{*rest}`.
 * Throws on anything else that Azure knows (defaults, parts of a segment, other constraints): the local topology
 * must not route differently in silence.
 */
export function compileRoute(template: string): RouteMatcher {
  const constraints = new Map<string, readonly Constraint[]>();
  let pattern = '';
  for (const segment of splitSegments(template)) {
    const parameter = PARAMETER.exec(segment)?.groups;
    if (!parameter) {
      if (/[{}]/.test(segment)) throw new Error(`the route segment '${segment}' is not understood here`);
      pattern += `/${segment.replaceAll(/[^\w-]/g, '\\$&')}`;
      continue;
    }
    const { name = '', catchAll, optional } = parameter;
    if (constraints.has(name)) throw new Error(`the route names {${name}} twice`);
    constraints.set(name, parseConstraints(parameter['constraints'] ?? ''));
    if (catchAll) pattern += `(?:/(?<${name}>.*))?`;
    else pattern += optional ? `(?:/(?<${name}>[^/]+))?` : `/(?<${name}>[^/]+)`;
  }
  const expression = new RegExp(`^${pattern}/?$`, 'is');
  return (path) => {
    const groups = expression.exec(path)?.groups;
    if (!groups) return expression.test(path) ? {} : undefined;
    // An optional parameter that is not there leaves its group undefined, whatever the type says.
    const values = Object.entries(groups).filter(([, value]) => Boolean(value));
    const kept = values.every(([name, value]) => constraints.get(name)?.every((holds) => holds(value)));
    return kept ? Object.fromEntries(values) : undefined;
  };
}

/**
 * The HTTP functions in the order in which Azure tries their routes: that of their names, not of how specific a
 * route is. A function whose route Azure would not serve is reported and left out.
 */
export function routeTable(
  functions: readonly TriggeredFunction[],
  routePrefix: string,
  report: Report,
): readonly HttpFunction[] {
  const table: HttpFunction[] = [];
  readAll(
    functions.toSorted(byName),
    (triggered) => {
      const candidate = toHttpFunction(triggered, routePrefix);
      const rival = table.find((other) => isSameRoute(other, candidate));
      if (rival) throw new Error(`${rival.name} has the same route and method`);
      table.push(candidate);
    },
    report,
  );
  return table;
}

function toHttpFunction(triggered: TriggeredFunction, routePrefix: string): HttpFunction {
  const { name, trigger } = triggered;
  const route = text(trigger, 'route')?.replaceAll(/^\/|\/$/g, '') ?? name;
  if (/^admin/i.test(route)) throw new Error('routes that start with admin belong to the host');
  const template = [routePrefix, route].filter((part) => part !== '').join('/');
  const methods = Array.isArray(trigger['methods']) ? trigger['methods'].map(String) : [];
  return {
    ...triggered,
    methods: methods.map((method) => method.toUpperCase()),
    authLevel: text(trigger, 'authLevel') ?? 'anonymous',
    template,
    match: compileRoute(template),
  };
}

function text(binding: BindingInfo, option: string): string | undefined {
  const value = binding[option];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Ordinal and without case, so `_` sorts after letters: the order of .NET's `OrdinalIgnoreCase`. */
function byName(a: TriggeredFunction, b: TriggeredFunction): number {
  const [first, second] = [a.name.toUpperCase(), b.name.toUpperCase()];
  return first < second ? -1 : Number(first > second);
}

function isSameRoute(a: HttpFunction, b: HttpFunction): boolean {
  return (
    a.template.toLowerCase() === b.template.toLowerCase() &&
    a.methods.some((method) => b.methods.includes(method))
  );
}

/** Splits at slashes outside of braces, so that a regular expression may hold one. */
function splitSegments(template: string): string[] {
  return template.match(/(?:\{(?:\{\{|\}\}|[^{}])*\}|[^/])+/g) ?? [];
}

/** Reads `:name(argument)` one after the other; an argument may hold colons and balanced parentheses. */
function parseConstraints(source: string): Constraint[] {
  const constraints: Constraint[] = [];
  let rest = source;
  while (rest !== '') {
    const name = /^:(\w+)/.exec(rest)?.[1] ?? '';
    const factory = CONSTRAINTS[name];
    if (!factory) throw new Error(`the route constraint '${rest}' is not known here`);
    rest = rest.slice(name.length + 1);
    const argument = rest.startsWith('(') ? rest.slice(1, endOfArgument(rest)) : undefined;
    constraints.push(factory(argument ?? ''));
    if (argument !== undefined) rest = rest.slice(argument.length + 2);
  }
  return constraints;
}

function endOfArgument(source: string): number {
  let depth = 0;
  for (let index = 0; index < source.length; index += 1) {
    if (source[index] === '(') depth += 1;
    if (source[index] === ')' && --depth === 0) return index;
  }
  throw new Error(`the route constraint '${source}' is not closed`);
}
