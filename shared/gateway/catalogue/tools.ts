import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import { isObject } from '../protocol/jsonRpc.ts';
import { parameterHeaders } from '../protocol/parameterHeaders.ts';

/**
 * Whether a tool has the shape that clients check (both eras, server/tools, Tool) and can be called as it is. Others would make
 * a client refuse the whole list, or could be called by no client through the gateway.
 */
export function isSound(tool: Tool): boolean {
  const { title, description, inputSchema, outputSchema, annotations, execution, _meta: meta } = tool;
  return (
    isObject(inputSchema) &&
    inputSchema['type'] === 'object' &&
    [title, description].every((text) => text === undefined || typeof text === 'string') &&
    [outputSchema, annotations, execution, meta].every((part) => part === undefined || isObject(part)) &&
    // Such a tool wants to be run as a task, which the gateway does not offer.
    !(isObject(execution) && execution['taskSupport'] === 'required') &&
    parameterHeaders(inputSchema) !== undefined
  );
}

/** A tool as clients of an era know tools. */
export const toolFor: Record<Era, (tool: Tool) => Tool> = {
  // Until 2025-11-25 the output of a tool is an object, and clients refuse a list that says otherwise.
  legacy: ({ outputSchema, ...tool }) =>
    isObject(outputSchema) && outputSchema['type'] === 'object' ? { ...tool, outputSchema } : tool,
  // 2026-07-28 has no such field.
  modern: ({ execution: _execution, ...tool }) => tool,
};
