import { META } from '../../../gateway/protocol/versions.ts';

const label = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const metaKey = new RegExp(
  `^(?:(?<prefix>${label}(?:\\.${label})*)/)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$`,
);

/** Whether a key of `_meta` has the form that the specification gives it (2026-07-28, basic, `_meta`, Key name format). */
export const isMetaKey = (key: string): boolean => metaKey.test(key);

const own: ReadonlySet<string> = new Set([
  ...Object.values(META),
  'io.modelcontextprotocol/related-task',
  'io.modelcontextprotocol/ui',
]);

/** Whether a key has a prefix that is kept for MCP, and is none of those that MCP has defined. */
export function isReservedKey(key: string): boolean {
  const second = metaKey.exec(key)?.groups?.['prefix']?.split('.')[1];
  return (second === 'modelcontextprotocol' || second === 'mcp') && !own.has(key);
}
