import { z } from 'zod';
import { type Failure, fail } from '../../platform/base/result.ts';
import { MAX_DOCUMENT_LENGTH } from '../../platform/tables/tableDocument.ts';
import { slugSchema } from '../records/server.ts';

/** What models' own interfaces take as the name of a tool. */
const shownName = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9, _, . and -');
const description = z.string().trim().min(1).max(4_096);

/** A tool or a prompt of a server, as the set shows it: under its own name and description unless the set says otherwise. */
const pickSchema = z.strictObject({
  server: slugSchema,
  name: z.string().min(1).max(128),
  as: shownName.optional(),
  description: description.optional(),
});
export type Pick = Readonly<z.infer<typeof pickSchema>>;
const resourcePickSchema = z.strictObject({
  server: slugSchema,
  uri: z.string().min(1).max(2_048),
  description: description.optional(),
});
export type ResourcePick = Readonly<z.infer<typeof resourcePickSchema>>;

/** More than a model can choose from. */
const MAX_PICKS = 200;

const picked = {
  title: z.string().trim().min(1).max(100),
  description: z.string().trim().max(2_048).default(''),
  tools: z.array(pickSchema).max(MAX_PICKS).default([]),
  prompts: z.array(pickSchema).max(MAX_PICKS).default([]),
  resources: z.array(resourcePickSchema).max(MAX_PICKS).default([]),
};

/** The name under which a set shows a tool or a prompt. */
export const shownAs = ({ as, name }: Pick): string => as ?? name;

/** What an administrator says of a set. Names and URIs are told apart within it, since nothing else tells them apart there. */
const curated = <T extends { tools: Pick[]; prompts: Pick[]; resources: ResourcePick[] }>(
  schema: z.ZodType<T>,
) =>
  schema.superRefine(({ tools, prompts, resources }, context) => {
    const wrong = (path: (string | number)[], message: string) => {
      context.addIssue({ code: 'custom', path, message });
    };
    for (const [field, picks] of Object.entries({ tools, prompts })) {
      const seen = new Set<string>();
      picks.forEach((pick, index) => {
        const name = shownAs(pick);
        if (pick.as === undefined && !shownName.safeParse(name).success)
          wrong([field, index, 'as'], 'is needed: clients need not accept the name that the server gave');
        // Clients that fold case would take one for the other.
        else if (seen.has(name.toLowerCase()))
          wrong([field, index, 'as'], `is taken: "${name}" is in the set already`);
        seen.add(name.toLowerCase());
      });
    }
    const uris = new Set<string>();
    resources.forEach(({ uri }, index) => {
      if (uris.has(uri)) wrong(['resources', index, 'uri'], 'is in the set already');
      uris.add(uri);
    });
  });

export const newToolsetSchema = curated(z.strictObject({ slug: slugSchema, ...picked }));
export const toolsetChangeSchema = curated(z.strictObject(picked));
export type NewToolset = z.infer<typeof newToolsetSchema>;
export type ToolsetChange = z.infer<typeof toolsetChangeSchema>;

/** A curated set of one tenant, as it is stored. Its slug never changes. */
export const toolsetSchema = z.object({
  tenantId: z.string(),
  slug: slugSchema,
  ...picked,
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Toolset = Readonly<z.infer<typeof toolsetSchema>>;

/** Returns the failure `too_large` for a set that no row of a table can hold, else `undefined`. */
export const oversized = (toolset: Toolset): Failure | undefined =>
  JSON.stringify(toolset).length > MAX_DOCUMENT_LENGTH
    ? fail({
        kind: 'too_large',
        message: `the toolset is longer than ${MAX_DOCUMENT_LENGTH} characters of JSON: shorten its descriptions, or make two sets`,
      })
    : undefined;
