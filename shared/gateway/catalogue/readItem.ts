import { isExactNumber } from '../../platform/base/exactJson.ts';
import { unsafeShape } from '../../platform/base/json.ts';
import type { LeftOut } from '../../registry/records/server.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { MAX_DEFINITION, MAX_LEFT_OUT, MAX_NAME_LENGTH, MAX_URI_LENGTH } from '../protocol/limits.ts';
import { readFields } from '../protocol/repair.ts';
import { type ItemShape, itemShapes } from '../protocol/serverShapes.ts';
import type { ListKind } from './view.ts';

/** An item that clients can read, without the fields that they could not. Or why the item is left out. */
export type ReadItem =
  | { readonly item: JsonObject; readonly key: string; readonly leftOut: readonly LeftOut[] }
  | { readonly leftOut: readonly [LeftOut] };

/** Reads one item of a server's list. `position` counts from 0. */
export function readItem(list: ListKind, value: unknown, position: number): ReadItem {
  const shape: ItemShape = itemShapes[list];
  const without = (reason: string, item = `item ${position + 1}`): ReadItem => ({
    leftOut: [{ list, item: item.slice(0, MAX_NAME_LENGTH), reason }],
  });
  if (!isObject(value)) return without('is not an object');
  const sent = value[shape.key];
  const key = isExactNumber(sent) ? sent.rawJSON : typeof sent === 'number' ? String(sent) : sent;
  if (typeof key !== 'string' || key === '') return without(`has no ${shape.key}`);
  const longest = shape.key === 'name' ? MAX_NAME_LENGTH : MAX_URI_LENGTH;
  if (key.length > longest) return without(`has a ${shape.key} of more than ${longest} characters`, key);
  const unsafe = unsafeShape(value, MAX_DEFINITION);
  if (unsafe !== undefined) return without(unsafe, key);
  const fields: string[] = [];
  const complete = { ...value, ...absentOf(shape, value) };
  const read = readFields(complete, shape.fields, (path) => {
    // A record keeps no more of them.
    if (fields.length <= MAX_LEFT_OUT || shape.decisive.includes(path)) fields.push(path);
  });
  const decisive = shape.decisive.find((field) => fields.includes(field));
  if (decisive !== undefined)
    return without(`has a field "${decisive}" that the protocol does not allow`, key);
  // Clients require a name. Servers of resources often give a URI alone.
  const item = { ...read, [shape.key]: key, ...(typeof read['name'] !== 'string' && { name: key }) };
  const problem = shape.problem?.(item);
  if (problem !== undefined) return without(problem, key);
  const reason = 'has a form that the protocol does not allow';
  const leftOut = fields.map((field) => ({ list, item: key.slice(0, MAX_NAME_LENGTH), field, reason }));
  return { item, key, leftOut };
}

/** Returns the decisive fields that an item lacks, so that they are read too. */
const absentOf = ({ decisive }: ItemShape, value: JsonObject): JsonObject =>
  Object.fromEntries(decisive.filter((field) => !(field in value)).map((field) => [field, undefined]));
