import * as z from 'zod';
import { fail, type Failure } from '../../platform/base/result.ts';
import { MAX_DOCUMENT_LENGTH } from '../../platform/tables/tableDocument.ts';
import type { Page, Replacement, Stored } from '../../platform/tables/tables.ts';
import { MAX_CURATED_ITEMS } from '../limits.ts';
import { slugSchema } from '../records/server.ts';

/** The names of tools that the APIs of models accept. */
const shownName = /^[A-Za-z0-9_-]{1,64}$/;
const description = z.string().trim().min(1).max(4_096);

/** A tool or a prompt of a server in a toolset, which may give it another name and description. */
const curatedItemSchema = z.strictObject({
  server: slugSchema,
  name: z.string().min(1).max(128),
  as: z.string().optional(),
  description: description.optional(),
});
export type CuratedItem = Readonly<z.infer<typeof curatedItemSchema>>;
const curatedResourceSchema = z.strictObject({
  server: slugSchema,
  uri: z.string().min(1).max(2_048),
  description: description.optional(),
});
export type CuratedResource = Readonly<z.infer<typeof curatedResourceSchema>>;

const content = {
  title: z.string().trim().min(1).max(100),
  description: z.string().trim().max(2_048).default(''),
  tools: z.array(curatedItemSchema).max(MAX_CURATED_ITEMS).default([]),
  prompts: z.array(curatedItemSchema).max(MAX_CURATED_ITEMS).default([]),
  resources: z.array(curatedResourceSchema).max(MAX_CURATED_ITEMS).default([]),
};

/** Returns the name under which a toolset shows a tool or a prompt. */
export const shownAs = ({ as, name }: CuratedItem): string => as ?? name;

/** Adds the checks across items: names and URIs are unique in a toolset, since no server's slug stands before them. */
const curated = <T extends { tools: CuratedItem[]; prompts: CuratedItem[]; resources: CuratedResource[] }>(
  schema: z.ZodType<T>,
) =>
  schema.superRefine(({ tools, prompts, resources }, context) => {
    const wrong = (path: (string | number)[], message: string) => {
      context.addIssue({ code: 'custom', path, message });
    };
    for (const [field, items] of Object.entries({ tools, prompts })) {
      const seen = new Set<string>();
      items.forEach((item, index) => {
        const name = shownAs(item);
        if (!shownName.test(name))
          wrong(
            [field, index, 'as'],
            item.as === undefined
              ? 'is required: clients may reject the name that the server gave'
              : 'must be 1 to 64 of A-Z, a-z, 0-9, _ and -',
          );
        // Some clients ignore letter case.
        else if (seen.has(name.toLowerCase()))
          wrong([field, index, 'as'], `is taken: "${name}" is in the toolset already`);
        seen.add(name.toLowerCase());
      });
    }
    const uris = new Set<string>();
    resources.forEach(({ uri }, index) => {
      if (uris.has(uri)) wrong(['resources', index, 'uri'], 'is in the toolset already');
      uris.add(uri);
    });
  });

export const newToolsetSchema = curated(z.strictObject({ slug: slugSchema, ...content }));
export const toolsetChangeSchema = curated(z.strictObject(content));
export type NewToolset = z.infer<typeof newToolsetSchema>;
export type ToolsetChange = z.infer<typeof toolsetChangeSchema>;

/** A toolset of one tenant, as it is stored. Its slug never changes. */
export const toolsetSchema = z.object({
  tenantId: z.string(),
  slug: slugSchema,
  ...content,
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Toolset = Readonly<z.infer<typeof toolsetSchema>>;

/** Returns the failure `too_large` for a toolset that is longer than a table row, else `undefined`. */
export const sizeFailure = (toolset: Toolset): Failure | undefined =>
  JSON.stringify(toolset).length > MAX_DOCUMENT_LENGTH
    ? fail({
        kind: 'too_large',
        message: `the toolset is longer than ${MAX_DOCUMENT_LENGTH} characters of JSON: shorten its descriptions, or make two toolsets`,
      })
    : undefined;

/** Stores the toolsets of all tenants. An outage is thrown, never read as "not found". */
export interface ToolsetStore {
  find(tenantId: string, slug: string): Promise<Stored<Toolset> | undefined>;
  /** Returns toolsets in the order of their slugs; `after` is the last slug of the page before. */
  list(tenantId: string, limit: number, after?: string): Promise<Page<Toolset>>;
  add(toolset: Toolset): Promise<'inserted' | 'exists'>;
  /** Replaces the toolset only if it is still the one that was read. */
  replace(toolset: Toolset, etag: string): Promise<Replacement>;
  remove(toolset: Toolset, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
}
