import { fail, type Failure } from '../../shared/platform/base/result.ts';

/**
 * Returns the failure for query parameters that the route does not read, and for those that are given twice; `undefined` for
 * none.
 */
export function queryFailure(query: URLSearchParams, known: readonly string[]): Failure | undefined {
  const names = [...new Set(query.keys())];
  const hint = known.length === 0 ? 'this call takes none' : `known: ${known.join(', ')}`;
  const errors = names.flatMap((path) => {
    if (!known.includes(path)) return [{ path, message: `there is no such query parameter; ${hint}` }];
    return query.getAll(path).length > 1 ? [{ path, message: 'is given more than once' }] : [];
  });
  const [first] = errors;
  if (first === undefined) return undefined;
  return fail({
    kind: 'invalid',
    message: `the query parameter "${first.path.slice(0, 100)}": ${first.message}`,
    errors: errors.map(({ path, message }) => ({ path: path.slice(0, 100), message })),
  });
}
