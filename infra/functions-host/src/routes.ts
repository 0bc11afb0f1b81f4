import type { BindingInfo } from './coreTypes.ts';
import { readAll, type Report, type TriggeredFunction } from './triggeredFunction.ts';

export interface HttpFunction extends TriggeredFunction {
  readonly methods: readonly string[];
  readonly authLevel: string;
  /** The full template: prefix and route, without a leading slash. */
  readonly template: string;
  readonly match: RouteMatcher;
}

/** Returns the values of a route's parameters in a decoded path, or `undefined` when the path does not match. */
export type RouteMatcher = (path: string) => Record<string, string> | undefined;

type Constraint = (value: string) => boolean;

const INT32_MAX = 2_147_483_647;
const GUID = /^(?:[0-9a-f]{32}|(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}))$/i;

/** The constraints that this host supports. Compiling a route with another one throws. */
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
 * @throws Error for other features of Azure's routes (defaults, parts of a segment, other constraints), so that routing never
 * differs silently.
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
    const found = expression.exec(path);
    if (!found) return undefined;
    const { groups } = found;
    if (!groups) return {};
    // A missing optional parameter leaves its group undefined, although the type does not say so.
    const values = Object.entries(groups).filter(([, value]) => Boolean(value));
    const kept = values.every(([name, value]) => constraints.get(name)?.every((holds) => holds(value)));
    return kept ? Object.fromEntries(values) : undefined;
  };
}

/**
 * Returns the HTTP functions in the order in which Azure tries their routes: by name, not by how specific a route is. Reports
 * functions whose route Azure would not serve, and leaves them out.
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

/** Splits at slashes outside of braces, because a regular expression can hold one. */
function splitSegments(template: string): string[] {
  return template.match(/(?:\{(?:\{\{|\}\}|[^{}])*\}|[^/])+/g) ?? [];
}

/** Reads each `:name(argument)`. An argument can hold colons and balanced parentheses. */
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
