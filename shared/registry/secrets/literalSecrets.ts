import type * as z from 'zod';
import { isLiteral, withoutPlaceholderParameters, withoutPlaceholders } from './placeholders.ts';
import {
  followsSecretFlag,
  isSecretInput,
  literalFieldOf,
  literalVariables,
  type Path,
} from './secretInputs.ts';
import { holdsToken, isSecretVariable } from './secretNames.ts';
import { HIDDEN, hideUrlSecrets, holdsHidden, secretsNamedIn } from './urlSecrets.ts';

export interface SecretProblem {
  readonly path: Path;
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
 * Returns the literal secrets in a `server.json` or in any part of one. Every reader of the registry would see them, some of them
 * without signing in. Placeholders such as `{token}` and `${input:token}` are no secrets. The schema bounds the depth.
 */
export function literalSecrets(document: unknown): readonly SecretProblem[] {
  const found: SecretProblem[] = [];
  walk(document, [], found);
  return found;
}

/** Returns whether the value of a header is a secret, whatever the name of the header. */
export const isSecretHeaderValue = (value: string): boolean =>
  /^(?:Basic|Bearer)\s/i.test(value) || literalSecrets({ value }).length > 0;

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
    // The whole part was hidden already.
    if (typeof parent !== 'object') return;
    parent = parent[key] as typeof parent;
  }
  if (typeof parent !== 'object') return;
  const value = parent[last];
  const hidden = typeof value === 'string' ? hideUrlSecrets(value) : HIDDEN;
  parent[last] = Array.isArray(value) ? [HIDDEN] : hidden === value ? HIDDEN : hidden;
}

function walk(node: unknown, path: Path, found: SecretProblem[]): void {
  if (typeof node === 'string') {
    const message = textProblem(node, path);
    if (message !== undefined) found.push({ path, message });
    return;
  }
  if (Array.isArray(node)) {
    node.forEach((item: unknown, index) => {
      const secret = followsSecretFlag(node, index) ? literalFieldOf(item) : undefined;
      if (secret !== undefined) found.push({ path: [...path, index, secret], message: problems.value });
      else walk(item, [...path, index], found);
    });
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  // The path is that of the object, since the name of the field is the secret.
  if (Object.keys(node).some(holdsToken)) found.push({ path, message: problems.token });
  const isSecret = isSecretInput(node, path);
  const secretInput = isSecret ? literalFieldOf(node) : undefined;
  for (const place of literalVariables(node, isSecret))
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
