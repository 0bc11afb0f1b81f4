import { isId } from '../../shared/platform/base/ids.ts';
import { fail } from '../../shared/platform/base/result.ts';

/** A path's segments, in a template literal text or the name of a parameter; a slash at either end counts for nothing. */
const segmentsOf = (path: string): readonly string[] => path.replace(/^\/|\/$/g, '').split('/');

const parameterOf = (segment: string): string | undefined => /^\{(\w+)\}$/.exec(segment)?.[1];
/** `{*rest}`, the last segment of a template: all that follows, which may be nothing. */
const restOf = (segment: string): string | undefined => /^\{\*(\w+)\}$/.exec(segment)?.[1];

/**
 * The values that a path gives to its template's parameters. Read here from the path itself, because the host mixes
 * query and body values into the parameters that it hands on. A malformed percent-encoding is kept as it stands. What
 * `{*rest}` takes is not decoded: an encoded slash is to be told from one between segments.
 */
export function pathParameters(template: string, pathname: string): Record<string, string> {
  const values = segmentsOf(pathname);
  const parameters = segmentsOf(template).flatMap((segment, index): [string, string][] => {
    const rest = restOf(segment);
    if (rest !== undefined) return [[rest, values.slice(index).join('/')]];
    const name = parameterOf(segment);
    return name === undefined ? [] : [[name, decode(values[index] ?? '')]];
  });
  return Object.fromEntries(parameters);
}

/** Whether each parameter is a valid name. `{*rest}` is not checked here: its route reads it. */
export const canName = (template: string, parameters: Readonly<Record<string, string>>): boolean =>
  Object.entries(parameters).every(([name, value]) => template.endsWith(`{*${name}}`) || isId(value));

/** The failure for a path with a parameter that is no valid name. */
export const noSuchName = fail({
  kind: 'not_found',
  message: 'nothing has such a name: names consist of letters, digits, - and _',
});

/** Whether the host would give this path to the template: letter case and a trailing slash do not matter. */
export function matches(template: string, pathname: string): boolean {
  const [segments, actual] = [segmentsOf(template), segmentsOf(pathname)];
  const takesRest = restOf(segments.at(-1) ?? '') !== undefined;
  const expected = takesRest ? segments.slice(0, -1) : segments;
  return (
    (takesRest ? expected.length <= actual.length : expected.length === actual.length) &&
    expected.every((segment, index) =>
      parameterOf(segment) === undefined
        ? segment.toLowerCase() === actual[index]?.toLowerCase()
        : actual[index] !== '',
    )
  );
}

/** A malformed percent-encoding is kept as it stands. */
export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
