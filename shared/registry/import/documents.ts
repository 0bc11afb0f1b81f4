import { z } from 'zod';
import { OFFICIAL_META } from '../serverJson/serverJson.ts';

/** A server of a document, with its name there. Its entry is not validated yet. */
export type Candidate =
  | { readonly kind: 'client'; readonly name: string; readonly entry: unknown }
  | {
      readonly kind: 'document';
      readonly name: string;
      /** A ServerResponse of the official API. */
      readonly entry: object;
      readonly version: string;
      readonly publishedAt: string;
      readonly isDeleted: boolean;
    };

/** Returns all servers of a document in its order, or `undefined` for an unknown kind of document. */
export function candidatesOf(document: unknown): readonly Candidate[] | undefined {
  if (Array.isArray(document)) return document.map(listed);
  if (!isObject(document)) return undefined;
  const { servers, mcpServers } = document;
  if (Array.isArray(servers)) return servers.map(listed);
  const configured = servers ?? mcpServers;
  if (isObject(configured)) {
    return Object.entries(configured).map(([name, entry]) => ({ kind: 'client', name, entry }));
  }
  return 'name' in document || 'server' in document ? [listed(document, 0)] : undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const headSchema = z.object({
  server: z.object({ name: z.string(), version: z.string().max(255).catch('') }),
  _meta: z
    .object({
      [OFFICIAL_META]: z.object({
        status: z.unknown().optional(),
        publishedAt: z.string().max(255).catch(''),
      }),
    })
    .optional()
    .catch(undefined),
});

/** Returns the candidate of a list item: a `server.json`, alone or in the envelope of a registry. */
function listed(value: unknown, position: number): Candidate {
  const entry = isObject(value) && 'server' in value ? value : { server: value };
  const head = headSchema.safeParse(entry);
  if (!head.success) {
    const name = `#${position + 1}`;
    return { kind: 'document', name, entry, version: '', publishedAt: '', isDeleted: false };
  }
  const { server, _meta } = head.data;
  const { publishedAt = '', status } = _meta?.[OFFICIAL_META] ?? {};
  return { kind: 'document', ...server, entry, publishedAt, isDeleted: status === 'deleted' };
}
