import type { ServerJson } from '../serverJson/serverJson.ts';

/** Rather too many: what is skipped for its name can be registered by hand. */
const SECRET_NAME = /auth|token|secret|passw|cookie|credential|session|signature|key$|^sig$|^code$/i;

/** Whether a header or a parameter of this name is likely to hold a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/** What stands in braces is filled in by each client: it tells nothing. */
const isLiteral = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && !/[{}]/.test(value);

/** Whether a `server.json`, which everybody may read, holds a secret itself. */
export function holdsSecret(server: ServerJson): boolean {
  const headers = (server.remotes ?? []).flatMap((remote) => remote.headers ?? []);
  if (headers.some(({ name, value }) => isSecretName(name) && isLiteral(value))) return true;
  return marksSecret(server);
}

/** Anywhere below: a value that says of itself that it is secret. Its depth is bounded by the schema. */
function marksSecret(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ('isSecret' in node && node.isSecret === true) {
    const { value, default: otherwise } = { value: undefined, default: undefined, ...node };
    if (isLiteral(value) || isLiteral(otherwise)) return true;
  }
  return Object.values(node).some(marksSecret);
}
