import * as z from 'zod';
import { isObject, type JsonObject } from './jsonRpc.ts';
import { parameterHeaders } from './parameterHeaders.ts';
import {
  type Fields,
  fieldsOf,
  flag,
  listOf,
  mapOf,
  notNull,
  numberIn,
  object,
  ODD,
  oneOf,
  type OnLeftOut,
  only,
  type Read,
  readFields,
  text,
  whole,
} from './repair.ts';
import { inputSchema, outputSchema } from './schemaRepair.ts';

/*
 * What the official SDKs of both lines accept of a server's description of itself and of its items. One field in another form
 * makes them reject a whole list, so the gateway repairs a field whose meaning is plain and leaves the others out.
 */

const anything = fieldsOf({});
const isInstant = (value: unknown): boolean => z.iso.datetime({ offset: true }).safeParse(value).success;

/** 2025-11-25 and 2026-07-28, basic, Icons. Revisions before wrote one size as text, which `listOf` reads. */
const icons = listOf((value, leftOut) => {
  if (value === null) return undefined;
  return isObject(value) && typeof value['src'] === 'string' ? readFields(value, icon, leftOut) : ODD;
});
const icon = fieldsOf({ mimeType: text, sizes: listOf(text), theme: oneOf('light', 'dark') });

/** 2025-11-25 and 2026-07-28, server/resources, Annotations. */
const annotations = object(
  fieldsOf({
    audience: listOf(oneOf('user', 'assistant')),
    priority: numberIn(0, 1),
    lastModified: only(isInstant),
  }),
);

const common = { title: text, description: text, icons, _meta: object(anything) };

const argument: Read = (value, leftOut) => {
  if (value === null) return undefined;
  if (typeof value === 'string') return { name: value };
  if (!isObject(value) || typeof value['name'] !== 'string') return ODD;
  return readFields(value, fieldsOf({ title: text, description: text, required: flag }), leftOut);
};

/** A kind of item: what identifies it, its fields, and the fields that it cannot do without. */
export interface ItemShape {
  readonly key: 'name' | 'uri' | 'uriTemplate';
  readonly fields: Fields;
  /** Fields that are read also where the server left them out. An item is left out with one that is not plain. */
  readonly decisive: readonly string[];
  /** Returns why the gateway cannot offer a sound item, or `undefined`. */
  readonly problem?: (item: JsonObject) => string | undefined;
}

export const itemShapes = {
  tools: {
    key: 'name',
    fields: fieldsOf({
      ...common,
      inputSchema,
      outputSchema,
      annotations: object(
        fieldsOf({
          title: text,
          ...{ readOnlyHint: flag, destructiveHint: flag, idempotentHint: flag, openWorldHint: flag },
        }),
      ),
      execution: object(fieldsOf({ taskSupport: oneOf('required', 'optional', 'forbidden') })),
    }),
    decisive: ['inputSchema'],
    problem: unusableTool,
  },
  prompts: {
    key: 'name',
    fields: fieldsOf({ ...common, arguments: whole(listOf(argument)) }),
    decisive: ['arguments'],
  },
  resources: {
    key: 'uri',
    fields: fieldsOf({
      ...common,
      name: text,
      mimeType: text,
      size: numberIn(0, Number.MAX_VALUE),
      annotations,
    }),
    decisive: [],
  },
  resourceTemplates: {
    key: 'uriTemplate',
    fields: fieldsOf({ ...common, name: text, mimeType: text, annotations }),
    decisive: [],
  },
} as const satisfies Record<string, ItemShape>;

/** Returns why a tool cannot be offered: because it runs only as a task, or because the headers that it wants are wrong. */
function unusableTool({ inputSchema: schema, execution }: JsonObject): string | undefined {
  if (isObject(execution) && execution['taskSupport'] === 'required')
    return 'runs only as a task, which the gateway does not offer';
  return parameterHeaders(schema) === undefined
    ? 'has x-mcp-header annotations that are not valid'
    : undefined;
}

/** 2025-11-25, lifecycle, Capability Negotiation; 2026-07-28, server/discover. */
const listed = object(fieldsOf({ listChanged: flag }));
const capabilities = fieldsOf({
  ...{ logging: object(anything), completions: object(anything), tasks: object(anything) },
  ...{ tools: listed, prompts: listed },
  resources: object(fieldsOf({ subscribe: flag, listChanged: flag })),
  extensions: mapOf(object(anything)),
  experimental: mapOf(object(anything)),
});

const info = fieldsOf({ ...common, name: text, version: text, websiteUrl: text, _meta: notNull });
const ignore: OnLeftOut = () => undefined;

/** Returns the capabilities of a server in the form that the SDKs read. */
export const readCapabilities = (value: unknown): JsonObject =>
  isObject(value) ? readFields(value, capabilities, ignore) : {};

/** Returns a server's description of itself in the form that the SDKs read. */
export function readServerInfo(
  value: unknown,
): JsonObject & { readonly name: string; readonly version: string } {
  const read = isObject(value) ? readFields(value, info, ignore) : {};
  const { name, version } = read;
  return {
    ...read,
    name: typeof name === 'string' ? name : 'unnamed',
    version: typeof version === 'string' ? version : 'unknown',
  };
}
