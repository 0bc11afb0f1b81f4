import type { Application, ApplicationPatch } from './application.ts';

/** Returns a patch in words: `add appRoles Gateway.Admin; set api.requestedAccessTokenVersion to 2`. */
export function describePatch(app: Application, patch: ApplicationPatch): string {
  return differences('', app, patch).join('; ');
}

function differences(path: string, before: unknown, after: unknown): string[] {
  if (Array.isArray(after)) {
    const there = new Set((Array.isArray(before) ? before : []).map((entry) => JSON.stringify(entry)));
    const added = after.filter((entry) => !there.has(JSON.stringify(entry)));
    return added.length === 0 ? [] : [`add ${path} ${added.map(nameOf).join(', ')}`];
  }
  if (typeof after !== 'object' || after === null)
    return before === after ? [] : [`set ${path} to ${String(after)}`];
  return Object.entries(after).flatMap(([name, value]) =>
    differences(path === '' ? name : `${path}.${name}`, memberOf(before, name), value),
  );
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** The member by which people know an entry of one of the lists. */
function nameOf(entry: unknown): string {
  const name = ['value', 'name', 'appId', 'resourceAppId'].map((key) => memberOf(entry, key));
  return String(name.find((found) => typeof found === 'string') ?? entry);
}
