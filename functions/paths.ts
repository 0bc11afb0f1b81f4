/** A path's segments, in a template literal text or the name of a parameter; a slash at either end counts for nothing. */
const segmentsOf = (path: string): readonly string[] => path.replace(/^\/|\/$/g, '').split('/');

const parameterOf = (segment: string): string | undefined => /^\{(\w+)\}$/.exec(segment)?.[1];

/**
 * The values that a path gives to its template's parameters. Read here from the path itself, because the host mixes
 * query and body values into the parameters that it hands on. A malformed percent-encoding is kept as it stands.
 */
export function pathParameters(template: string, pathname: string): Record<string, string> {
  const values = segmentsOf(pathname);
  const parameters = segmentsOf(template).flatMap((segment, index): [string, string][] => {
    const name = parameterOf(segment);
    return name === undefined ? [] : [[name, decode(values[index] ?? '')]];
  });
  return Object.fromEntries(parameters);
}

/** Whether the host would give this path to the template: letter case and a trailing slash do not matter. */
export function matches(template: string, pathname: string): boolean {
  const [expected, actual] = [segmentsOf(template), segmentsOf(pathname)];
  return (
    expected.length === actual.length &&
    expected.every((segment, index) =>
      parameterOf(segment) === undefined
        ? segment.toLowerCase() === actual[index]?.toLowerCase()
        : actual[index] !== '',
    )
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
