import { isGatewayHeader } from '../records/upstreamSettings.ts';
import { isSecretHeaderValue } from '../secrets/literalSecrets.ts';
import { isLiteral, withoutPlaceholders } from '../secrets/placeholders.ts';
import { isSecretName, isSecretVariable } from '../secrets/secretNames.ts';
import { type Entry, isObject } from './entry.ts';

/** Literal headers for the record of a server, or the reason to skip the server. The reason holds no value. */
export type EntryHeaders =
  { readonly headers: Readonly<Record<string, { readonly value: string }>> } | { readonly reason: string };

/** Fields that hold headers by name. */
const HEADER_FIELDS = ['headers', 'http_headers', 'httpHeaders', 'customHeaders'];
/** Fields of Codex that name the environment variables of headers. */
const VARIABLE_FIELDS = ['env_http_headers', 'bearer_token_env_var'];

const ADVICE = 'register the server with a credential of the settings in upstream.headers';

/**
 * Reads the headers of a client's entry. Literal values that are no secrets are taken. Headers that the gateway sets itself are
 * dropped. A secret, or a placeholder that only the client can fill in, is a reason to skip the server.
 */
export function readEntryHeaders(entry: Entry, more: Readonly<Record<string, string>> = {}): EntryHeaders {
  const taken: Record<string, { value: string }> = {};
  const { requestInit } = entry;
  const groups = [entry, isObject(requestInit) ? requestInit : {}].flatMap((holder) =>
    HEADER_FIELDS.flatMap((field) => (holder[field] == null ? [] : [holder[field]])),
  );
  for (const group of [...groups, more]) {
    if (!isObject(group)) return { reason: 'has headers that are not an object of names and values' };
    for (const [name, given] of Object.entries(group)) {
      const value = headerValue(given);
      if (value === undefined) return { reason: `has ${shown(name)} whose value is not a text` };
      const reason = headerProblem(name, value);
      if (reason !== undefined) return { reason };
      if (!isGatewayHeader(name.toLowerCase())) taken[name.toLowerCase()] = { value };
    }
  }
  const reason = credentialProblem(entry);
  return reason === undefined ? { headers: taken } : { reason };
}

const headerValue = (given: unknown): string | undefined =>
  typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean'
    ? String(given).trim()
    : undefined;

const isName = (name: string): boolean => /^[\w-]{1,60}$/.test(name);
const shown = (name: string): string => (isName(name) ? `the header ${name}` : 'a header');

function headerProblem(name: string, value: string): string | undefined {
  if (!isName(name)) return 'has a header whose name is not valid';
  const isSecret = isSecretName(name) || isSecretHeaderValue(value);
  if (isSecret && isLiteral(value))
    return `has a secret in ${shown(name)}: no secret is imported, so ${ADVICE}`;
  return isSecret || withoutPlaceholders(value) !== value ? placeholder(name) : undefined;
}

const placeholder = (name: string): string =>
  `has a placeholder in ${shown(name)}, which only its client can fill in: ${ADVICE}`;

/** Returns the problem of a credential in a field of its own, such as `bearer_token`. */
function credentialProblem(entry: Entry): string | undefined {
  const variable = VARIABLE_FIELDS.find((field) => entry[field] != null);
  if (variable !== undefined) return `has a header from an environment variable (${variable}): ${ADVICE}`;
  const field = Object.keys(entry).find(
    (name) => isName(name) && typeof entry[name] === 'string' && isSecretVariable(name),
  );
  return field === undefined
    ? undefined
    : `has a credential in ${field}: no secret is imported, so ${ADVICE}`;
}
