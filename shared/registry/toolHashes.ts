import { createHash } from 'node:crypto';
import { canonicalJson } from '../platform/canonicalJson.ts';
import type { Tool } from './server.ts';

/** SHA-256 of all that a server says of a tool: another one means that what a model is told of the tool has changed. */
export const toolHash = (tool: Tool): string =>
  createHash('sha256').update(canonicalJson(tool)).digest('base64url');

/** Names of the tools that differ between two discoveries of a server. */
export interface ToolChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export function toolChanges(before: readonly Tool[], after: readonly Tool[]): ToolChanges {
  const [old, now] = [before, after].map(
    (tools) => new Map(tools.map((tool) => [tool.name, toolHash(tool)])),
  );
  const names = (tools: readonly Tool[], wanted: (name: string) => boolean) =>
    tools.map(({ name }) => name).filter(wanted);
  return {
    added: names(after, (name) => !old?.has(name)),
    removed: names(before, (name) => !now?.has(name)),
    changed: names(after, (name) => old?.has(name) === true && old.get(name) !== now?.get(name)),
  };
}
