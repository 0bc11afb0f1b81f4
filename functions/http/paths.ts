import { isId } from '../../shared/platform/base/ids.ts';
import { fail } from '../../shared/platform/base/result.ts';

/** Where the metadata of a protected resource is: this path, and for a resource with a path that one after it (RFC 9728, section 3.1). */
export const PROTECTED_RESOURCE = '.well-known/oauth-protected-resource';

/** Returns the segments of a path or a template; a slash at either end is ignored. */
const segmentsOf = (path: string): readonly string[] => path.replace(/^\/|\/$/g, '').split('/');

const parameterOf = (segment: string): string | undefined => /^\{(\w+)\}$/.exec(segment)?.[1];
/** Returns the name in `{*rest}`, the last segment of a template, which takes the rest of the path, possibly empty. */
const restOf = (segment: string): string | undefined => /^\{\*(\w+)\}$/.exec(segment)?.[1];

/**
 * Returns the values of the template's parameters, from the path alone, because the host mixes query and body values into its
 * parameters. A malformed percent-encoding is kept. The value of `{*rest}` is not decoded, so that an encoded slash differs from a
 * separator.
 */
export function pathParameters(template: string, pathname: string): Record<string, string> {
  if (!template.includes('{')) return {};
  const values = segmentsOf(pathname);
  const parameters = segmentsOf(template).flatMap((segment, index): [string, string][] => {
    const rest = restOf(segment);
    if (rest !== undefined) return [[rest, values.slice(index).join('/')]];
    const name = parameterOf(segment);
    return name === undefined ? [] : [[name, decode(values[index] ?? '')]];
  });
  return Object.fromEntries(parameters);
}

/** Returns whether each parameter is a valid name. The route itself checks `{*rest}`. */
export const canName = (template: string, parameters: Readonly<Record<string, string>>): boolean =>
  Object.entries(parameters).every(([name, value]) => template.endsWith(`{*${name}}`) || isId(value));

/** The failure for a path with a parameter that is no valid name. */
export const noSuchName = fail({
  kind: 'not_found',
  message: 'nothing has this name: names consist of letters, digits, - and _',
});

/** Returns whether the host matches this path to the template: it ignores letter case and a trailing slash. */
export function matches(template: string, pathname: string): boolean {
  let pattern = patterns.get(template);
  if (!pattern) patterns.set(template, (pattern = patternOf(template)));
  return pattern.test(pathname);
}

/** The patterns by their templates. There are as many as routes. */
const patterns = new Map<string, RegExp>();

function patternOf(template: string): RegExp {
  const segments = segmentsOf(template).map((segment) => {
    if (restOf(segment) !== undefined) return '(?:/.*)?';
    return parameterOf(segment) === undefined ? `/${segment.replace(/[^\w-]/g, '\\$&')}` : '/[^/]+';
  });
  return new RegExp(`^${segments.join('')}/?$`, 'i');
}

/** Decodes a segment; a malformed percent-encoding is kept. */
export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
