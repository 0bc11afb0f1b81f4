import type { z } from 'zod';
import { HIDDEN, hideUrlSecrets, holdsHidden, secretsNamedIn } from './urlSecrets.ts';
import { serverJsonSchema } from '../serverJson/serverJson.ts';
import { holdsToken, isSecretName, isSecretVariable } from './secretNames.ts';
import { variablesOf } from '../serverJson/transports.ts';

export interface SecretProblem {
  readonly path: readonly (string | number)[];
  /** What is wrong and what to do. It never holds the value. */
  readonly message: string;
}

const HEADER_ADVICE =
  'use a placeholder such as {token}; for calls by the gateway, name a credential of the settings in upstream.headers';
const problems = {
  value: `holds a secret: ${HEADER_ADVICE}`,
  token: `holds a token or key: remove it, or ${HEADER_ADVICE}`,
  userInfo: 'holds a user name or password: remove it from the URL',
  parameter: `holds a secret in its URL: ${HEADER_ADVICE}`,
  hidden: `holds the marker ${HIDDEN} in the place of a value: give the value, or a placeholder such as {token}`,
} as const;

/**
 * Finds the literal secrets in a `server.json` or in any part of one. Every reader of the registry would see them, some without
 * signing in. Placeholders such as `{token}` and `${input:token}` are no secrets. The schema bounds the depth.
 */
export function literalSecrets(document: unknown): readonly SecretProblem[] {
  const found: SecretProblem[] = [];
  walk(document, [], found);
  return found;
}

/** Adds a problem to a zod schema for each literal secret. */
export function refuseSecrets(document: unknown, context: z.RefinementCtx): void {
  for (const { path, message } of literalSecrets(document))
    context.addIssue({ code: 'custom', path: [...path], message });
}

/** Returns the document with the marker in place of each literal secret. Older rows were stored before these were refused. */
export function withoutSecrets<T>(document: T): T {
  const found = literalSecrets(document);
  if (found.length === 0) return document;
  const copy = structuredClone(document);
  for (const { path } of found) hideAt(copy, path);
  return copy;
}

function hideAt(document: unknown, path: Path): void {
  const last = path.at(-1);
  if (last === undefined) {
    for (const key of Object.keys(document as object).filter(holdsToken))
      Reflect.deleteProperty(document as object, key);
    return;
  }
  let parent = document as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) {
    // A part that was hidden whole has nothing left to hide.
    if (typeof parent !== 'object') return;
    parent = parent[key] as typeof parent;
  }
  if (typeof parent !== 'object') return;
  const value = parent[last];
  const hidden = typeof value === 'string' ? hideUrlSecrets(value) : HIDDEN;
  parent[last] = Array.isArray(value) ? [HIDDEN] : hidden === value ? HIDDEN : hidden;
}

/** A `server.json` from a caller. Everybody may read it, so it may not hold a literal secret. */
export const submittedServerJsonSchema = serverJsonSchema.superRefine(refuseSecrets);

type Path = readonly (string | number)[];

function walk(node: unknown, path: Path, found: SecretProblem[]): void {
  if (typeof node === 'string') {
    const message = textProblem(node, path);
    if (message !== undefined) found.push({ path, message });
    return;
  }
  if (Array.isArray(node)) {
    node.forEach((item: unknown, index) => {
      const secret = followsSecretFlag(node, index) ? inputValues(item) : undefined;
      if (secret !== undefined) found.push({ path: [...path, index, secret], message: problems.value });
      else walk(item, [...path, index], found);
    });
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  // The path of the problem is that of the object, since the name is the secret.
  if (Object.keys(node).some(holdsToken)) found.push({ path, message: problems.token });
  const isSecret = isSecretInput(node, path);
  const secretInput = isSecret ? inputValues(node) : undefined;
  for (const place of secretsOfTemplate(node, isSecret))
    found.push({ path: [...path, ...place], message: problems.value });
  for (const [key, value] of Object.entries(node)) {
    const isValue =
      key === secretInput || (typeof value === 'string' && isSecretVariable(key) && isLiteral(value));
    if (isValue) found.push({ path: [...path, key], message: problems.value });
    else walk(value, [...path, key], found);
  }
}

function textProblem(text: string, path: Path): string | undefined {
  if (holdsHidden(text)) return problems.hidden;
  if (holdsToken(withoutPlaceholders(text))) return problems.token;
  for (const [url] of text.matchAll(/[a-z][a-z\d+.-]{0,30}:\/\/[^\s"'<>]+/gi)) {
    const [, scheme = '', user = ''] = /^([a-z\d+.-]+):\/\/([^/?#@]*)@/i.exec(url) ?? [];
    if (user !== '' && (/^https?$/i.test(scheme) || user.includes(':')) && isLiteral(user))
      return problems.userInfo;
    if (secretsNamedIn(withoutPlaceholderParameters(url)).length > 0) return problems.parameter;
  }
  const isFlag = path.at(-1) === 'name' && text.startsWith('-');
  if (!isFlag && !inputFields.has(path.at(-1))) return undefined;
  // A connection string has several, with a semicolon between them.
  return text.split(';').some(isSecretSetting) ? problems.value : undefined;
}

/** A text such as `token=abc`, `Cookie: abc` or `--token abc`. */
function isSecretSetting(text: string): boolean {
  const [, dashes = '', name = '', mark = '', value = ''] =
    /^\s*(-{0,2})([\w.-]{1,80})(\s*[:=]|\s)(.+)$/s.exec(text) ?? [];
  const isSetting = dashes !== '' || mark.trim() !== '';
  return isSetting && isSecretVariable(name) && isLiteral(value);
}

/** Fields that may hold an argument such as `--token=abc` or a header such as `Cookie: abc` as one text. */
const inputFields: ReadonlySet<unknown> = new Set(['value', 'default']);

const PLACEHOLDER = /\$?\{{1,2}[^{}]*\}{1,2}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|<[^<>]*>/g;
const withoutPlaceholders = (text: string): string => text.replace(PLACEHOLDER, '');
const withoutPlaceholderParameters = (url: string): string =>
  url.replace(/([?&;][^?&;=]*)=([^&;#]*)/g, (pair, name: string, value: string) =>
    isLiteral(value) ? pair : name,
  );

/** Whether the text is a stand-in for a value of the user, such as `YOUR_TOKEN` or `xxx`. */
const isStandIn = (text: string): boolean =>
  /^\W*(?:(?:your|insert|enter|replace)[-_ ]|x{3,}\W*$)/i.test(text) ||
  (!/\w/.test(text) && /\*{3}|\.{3}|…/.test(text));

/** A text with a placeholder is literal only if much is left without the placeholder. */
function isLiteral(text: string): boolean {
  if (isStandIn(text)) return false;
  const rest = withoutPlaceholders(text);
  if (rest === text) return text.trim() !== '';
  return /[\w+/=.~-]{16,}/.test(rest);
}

/** Whether an input (header, environment variable, flag, variable) is marked as secret or has the name of a secret. */
function isSecretInput(node: object, path: Path): boolean {
  if ('isSecret' in node && node.isSecret === true) return true;
  const name = 'name' in node && typeof node.name === 'string' ? node.name : undefined;
  if (path.at(-2) === 'headers') return name !== undefined && isSecretName(name);
  const isNamed = typeof path.at(-1) === 'number' || path.at(-2) === 'variables';
  const hint = 'valueHint' in node && typeof node.valueHint === 'string' ? node.valueHint : undefined;
  return isNamed && isSecretVariable(name ?? hint ?? String(path.at(-1)));
}

/** The field of an input that holds a literal. */
function inputValues(input: unknown): 'value' | 'default' | 'choices' | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const { value, default: otherwise, choices } = input as Readonly<Record<string, unknown>>;
  if (typeof value === 'string' && isLiteral(value)) return 'value';
  if (typeof otherwise === 'string' && isLiteral(otherwise)) return 'default';
  return Array.isArray(choices) && choices.some((choice) => typeof choice === 'string' && isLiteral(choice))
    ? 'choices'
    : undefined;
}

/** In a list of arguments, whether the one before is a bare flag such as `--token`. */
function followsSecretFlag(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  if (typeof before !== 'object' || before === null || !('value' in before)) return false;
  const { value } = before;
  return typeof value === 'string' && /^-{1,2}[\w.-]+$/.test(value) && isSecretVariable(value);
}

/** A shorter default of a variable may be a scheme, such as `Bearer`. */
const LONGER_THAN_A_SCHEME = /[\w+/=.~-]{8,}/;

/** The places of literals with which the template of a secret input, or a secret parameter of a URL template, is filled in. */
function secretsOfTemplate(node: object, isSecret: boolean): Path[] {
  if (!('variables' in node) || typeof node.variables !== 'object' || node.variables === null) return [];
  const url = 'url' in node && typeof node.url === 'string' ? node.url : '';
  const ofUrl = [...url.matchAll(/[?&;]([^?&;=]*)=([^&;#]*)/g)]
    .filter(([, name = '']) => isSecretName(name))
    .flatMap(([, , value = '']) => variablesOf(value));
  return Object.entries(node.variables).flatMap(([name, variable]: [string, unknown]): Path[] => {
    if (!isSecret && !ofUrl.includes(name)) return [];
    const field = inputValues(variable);
    if (field === undefined || field === 'choices') return [];
    const literal = (variable as Readonly<Record<string, unknown>>)[field];
    return LONGER_THAN_A_SCHEME.test(String(literal)) ? [['variables', name, field]] : [];
  });
}
