import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { snapshotNames } from '../../../infra/azure/snapshots.ts';
import { type Expression, parseExpression } from './armExpression.ts';

const resourceSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  tags: z.record(z.string(), z.string()).default({}),
  properties: z.record(z.string(), z.unknown()).default({}),
  identity: z.object({ userAssignedIdentities: z.record(z.string(), z.unknown()) }).optional(),
});
export type Resource = z.infer<typeof resourceSchema>;

const fileSchema = z.object({
  predictedResources: z.array(resourceSchema),
  diagnostics: z.array(z.unknown()),
  outputs: z.record(z.string(), z.unknown()),
});

export type SnapshotName = (typeof snapshotNames)[number];

/** What Azure would get from a parameter file, as the Bicep compiler predicts it. */
export interface Snapshot {
  readonly name: SnapshotName;
  readonly resources: Resource[];
  readonly outputs: Record<string, unknown>;
  /** The hash at the end of the names that must be unique in Azure. */
  readonly token: string;
}

export const bicepFolder = new URL('../../../infra/azure/', import.meta.url);

/** Reads a committed snapshot. Each call returns a copy of its own. */
export function readSnapshot(name: SnapshotName): Snapshot {
  const text = readFileSync(new URL(`${name}.snapshot.json`, bicepFolder), 'utf8');
  const { predictedResources: resources, outputs } = fileSchema.parse(JSON.parse(text));
  const vault = resources.find(({ type }) => type === 'Microsoft.KeyVault/vaults');
  return { name, resources, outputs, token: vault?.name.replace('kv-', '') ?? '' };
}

export const ofType = ({ resources }: Snapshot, type: string): Resource[] =>
  resources.filter((resource) => resource.type === type);

/** Returns the last part of a resource's name. */
export const leafOf = ({ name }: Resource): string => name.slice(name.lastIndexOf('/') + 1);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Returns the value at a path of properties, such as `siteConfig.minTlsVersion`. */
export const at = ({ properties }: Resource, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), properties);

export const textAt = (resource: Resource, path: string): string => {
  const value = at(resource, path);
  return typeof value === 'string' ? value : '';
};

/** Returns the expression in a value, such as `[reference('…').clientId]`, or undefined when the compiler knows the value. */
export const expressionIn = (value: unknown): Expression | undefined =>
  typeof value === 'string' && value.startsWith('[') && !value.startsWith('[[')
    ? parseExpression(value.slice(1, -1))
    : undefined;

/** Returns the name without which a resource's id would not be unique: `id-mcp-{token}` is `mcp` of the kind `id`. */
export const plainName = ({ token }: Snapshot, name: string): string =>
  name.replaceAll(`-${token}`, '').replaceAll(token, '');

/** Returns whose identity an expression such as `[reference('…/id-mcp-{token}', …).principalId]` reads. */
export function identityIn(snapshot: Snapshot, value: unknown): string | undefined {
  const expression = expressionIn(value);
  if (expression?.kind !== 'call' || expression.name !== 'reference') return undefined;
  const [id] = expression.args;
  return id?.kind === 'literal' ? identityOf(snapshot, id.value) : undefined;
}

/** Returns whose identity a resource id is, such as `mcp`. */
export const identityOf = (snapshot: Snapshot, id: string): string | undefined =>
  /\/userAssignedIdentities\/id-([^/]+)$/.exec(plainName(snapshot, id))?.[1];
