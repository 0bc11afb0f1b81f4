/** The expressions that are left in a snapshot: values that only Azure knows. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expression[];
      /** What is read of the result: `outputs.host.value`. */
      readonly path: string;
    };

/** Parses an expression of Azure Resource Manager, without its brackets. @throws Error for other syntax. */
export function parseExpression(text: string): Expression {
  const tokens = text.match(/'(?:[^']|'')*'|[A-Za-z_]\w*|\d+|[(),.[\]]/g) ?? [];
  let next = 0;
  const take = (expected?: string): string => {
    const token = tokens[next++] ?? '';
    if (expected !== undefined && token !== expected) {
      throw new Error(`expected "${expected}" and not "${token}" in the expression ${text}`);
    }
    return token;
  };

  function parse(): Expression {
    const token = take();
    if (/^['\d]/.test(token)) {
      return { kind: 'literal', value: token.replace(/^'|'$/g, '').replaceAll("''", "'") };
    }
    const args: Expression[] = [];
    take('(');
    while (tokens[next] !== ')') {
      args.push(parse());
      if (tokens[next] === ',') take(',');
    }
    take(')');
    return { kind: 'call', name: token, args, path: parsePath() };
  }

  function parsePath(): string {
    const keys: string[] = [];
    for (;;) {
      if (tokens[next] === '.') {
        take('.');
        keys.push(take());
      } else if (tokens[next] === '[') {
        take('[');
        keys.push(take());
        take(']');
      } else return keys.join('.');
    }
  }

  const expression = parse();
  if (next !== tokens.length) throw new Error(`cannot parse the expression ${text}`);
  return expression;
}

/** Suffixes of the public cloud. */
const suffixes: Readonly<Record<string, string>> = {
  'suffixes.storage': 'core.windows.net',
  'suffixes.keyvaultDns': '.vault.azure.net',
};

type Call = Extract<Expression, { kind: 'call' }>;

/** Returns the text of an expression. `runtime` returns the values that only Azure knows. */
export function evaluate(expression: Expression, runtime: (call: Call) => string): string {
  if (expression.kind === 'literal') return expression.value;
  const { name, args, path } = expression;
  if (name === 'format') {
    const [template = '', ...values] = args.map((arg) => evaluate(arg, runtime));
    return template.replace(/\{(\d+)\}/g, (_, index: string) => values[Number(index)] ?? '');
  }
  if (name === 'environment') return suffixes[path] ?? runtime(expression);
  return runtime(expression);
}
