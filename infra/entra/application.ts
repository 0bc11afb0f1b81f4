import { z } from 'zod';

/** Graph answers `null` for some empty lists. */
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** A role or a scope. Graph sends `origin` and refuses to get it back. */
const entitlement = z
  .looseObject({ id: z.string(), value: z.string().nullish(), isEnabled: z.boolean() })
  .transform(({ origin: _, ...rest }) => rest);

/**
 * An app registration, as far as the gateway reads it. A PATCH replaces lists, so each list keeps members and entries that the
 * gateway does not know. `web` is the exception: it holds its redirect URIs in two forms, and only one may be sent.
 * Source: Microsoft Graph v1.0, resource type application.
 */
export const applicationSchema = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string(),
  signInAudience: z.string(),
  identifierUris: listOf(z.string()),
  appRoles: listOf(entitlement),
  api: z.looseObject({
    requestedAccessTokenVersion: z.number().nullish(),
    oauth2PermissionScopes: listOf(entitlement),
    preAuthorizedApplications: listOf(
      z.looseObject({ appId: z.string(), delegatedPermissionIds: z.array(z.string()) }),
    ),
  }),
  optionalClaims: z.looseObject({ accessToken: listOf(z.looseObject({ name: z.string() })) }).nullish(),
  requiredResourceAccess: listOf(
    z.looseObject({
      resourceAppId: z.string(),
      resourceAccess: z.array(z.looseObject({ id: z.string(), type: z.string() })),
    }),
  ),
  web: z.object({ redirectUris: listOf(z.string()) }),
});
export type Application = z.infer<typeof applicationSchema>;

/** The properties that Graph is asked for. */
export const applicationProperties: string = Object.keys(applicationSchema.shape).join(',');

/** The members of a registration that a PATCH changes. */
export type ApplicationPatch = Partial<Omit<Application, 'id' | 'appId'>>;

/** Returns those of the wanted members that differ from what is there. Both are in the order of their keys that Graph sent. */
export function patchOf(app: Application, wanted: ApplicationPatch): ApplicationPatch {
  const members = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(app[name as keyof ApplicationPatch]),
  );
  return Object.fromEntries(members);
}

/** Returns the texts of both lists, each once. */
export const union = (list: readonly string[], wanted: readonly string[]): string[] => [
  ...new Set([...list, ...wanted]),
];

/** Returns the list with the missing entries at its end. An entry that is there stays as it is, unless `merge` adds to it. */
export function merged<T>(
  list: readonly T[],
  wanted: readonly T[],
  keyOf: (entry: T) => unknown,
  merge: (there: T, wanted: T) => T = (there) => there,
): T[] {
  const find = (entries: readonly T[], entry: T) => entries.find((one) => keyOf(one) === keyOf(entry));
  return [
    ...list.map((there) => {
      const entry = find(wanted, there);
      return entry === undefined ? there : merge(there, entry);
    }),
    ...wanted.filter((entry) => find(list, entry) === undefined),
  ];
}
