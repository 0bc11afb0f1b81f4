import { serverNameSchema } from '../../../shared/registry/serverJson/serverJson.ts';
import { decode } from '../../http/paths.ts';

/** What a path under `/servers` names. A status without a version is that of all versions. */
export type Target =
  | { readonly kind: 'list' }
  | { readonly kind: 'versions'; readonly name: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'status'; readonly name: string; readonly version?: string };

/**
 * Reads what follows `/servers/`. The slash of a name may be encoded, as the API asks for, or not. Azure encodes an encoded
 * slash once more before the app sees it. Undefined: there is nothing at such a path.
 */
export function readTarget(rest: string): Target | undefined {
  if (rest === '') return { kind: 'list' };
  const segments = rest.split('/').map((segment) => decode(segment).replace(/%2f/gi, '/'));
  const [first = '', second] = segments;
  const length = first.includes('/') ? 1 : 2;
  const name = length === 1 ? first : `${first}/${second ?? ''}`;
  if (!serverNameSchema.safeParse(name).success) return undefined;
  const [kind, version, detail, ...more] = segments.slice(length);
  if (kind === 'status' && version === undefined) return { kind: 'status', name };
  if (kind !== 'versions' || version === '' || more.length > 0) return undefined;
  if (version === undefined) return { kind: 'versions', name };
  if (detail === undefined) return { kind: 'version', name, version };
  return detail === 'status' ? { kind: 'status', name, version } : undefined;
}
