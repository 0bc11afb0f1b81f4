/** What stands for a value of the user: `{token}`, `${input:token}`, `$TOKEN`, `%TOKEN%`, `<token>`. */
const PLACEHOLDER = /\$?\{{1,2}[^{}]*\}{1,2}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|<[^<>]*>/g;

export const withoutPlaceholders = (text: string): string => text.replace(PLACEHOLDER, '');

/** Returns the URL without the values of parameters that a client fills in. */
export const withoutPlaceholderParameters = (url: string): string =>
  url.replace(/([?&;][^?&;=]*)=([^&;#]*)/g, (pair, name: string, value: string) =>
    isLiteral(value) ? pair : name,
  );

/** Returns the names of the variables of a URL template. */
export const variablesOf = (template: string): readonly string[] =>
  [...template.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);

/** Returns whether the text is a value, not a placeholder. Beside a placeholder, only a long rest is a value. */
export function isLiteral(text: string): boolean {
  if (isStandIn(text)) return false;
  const rest = withoutPlaceholders(text);
  if (rest === text) return text.trim() !== '';
  return /[\w+/=.~-]{16,}/.test(rest);
}

/** Returns whether the text stands for a value of the user, such as `YOUR_TOKEN` or `xxx`. */
const isStandIn = (text: string): boolean =>
  /^\W*(?:(?:your|insert|enter|replace)[-_ ]|x{3,}\W*$)/i.test(text) ||
  (!/\w/.test(text) && /\*{3}|\.{3}|…/.test(text));
