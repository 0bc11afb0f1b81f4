import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import { describePermission, isPermitted } from '../../identity/access/permissions.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { agentNames } from '../model/agents.ts';
import { type ResultPermission, resultPermissions, type Task } from './task.ts';
import type { TaskCatalogue } from './taskCatalogue.ts';

type Reader = Pick<Actor, 'tenantId' | 'roles'>;

/** Whether every reader of the tenant's delegations may read the result. */
export const isOpenResult = ({ permissions }: Pick<Task, 'permissions'>): boolean =>
  permissions.every((permission) => permission === 'delegations.read');

/** Returns the permissions that a result takes and the reader lacks. */
const lacking = (
  permissions: readonly ResultPermission[],
  reader: Reader,
  operatorTenant: string,
): ResultPermission[] => permissions.filter((permission) => !isPermitted(reader, permission, operatorTenant));

/** Returns why a caller may not delegate a task, or `undefined`. The error is `forbidden` and names the missing permissions. */
export function askRefusal(
  { name, permissions }: Pick<Task, 'name' | 'permissions'>,
  reader: Reader,
  operatorTenant: string,
): DomainError | undefined {
  const missing = lacking(permissions, reader, operatorTenant);
  if (missing.length === 0) return undefined;
  const lacked = missing.map(describePermission).join(' and ');
  const message = `your roles do not include what the result of the task "${name}" takes: the permission ${lacked}`;
  return { kind: 'forbidden', message };
}

/** Replaces a result that its reader may not see. */
export const withheldSchema = z
  .object({ permissions: z.array(z.string()) })
  .describe('The permissions that you lack for the rest.');
export type Withheld = z.infer<typeof withheldSchema>;
/** Returns why a task's result is withheld, or `undefined` for a result that may be read. */
export type WithheldOf = (work: { readonly agent: string; readonly task: string }) => Withheld | undefined;

/** Returns the check of results for one reader. A result of an unknown task takes every permission. */
export function withheldFrom(reader: Reader, catalogue: TaskCatalogue, operatorTenant: string): WithheldOf {
  return ({ agent, task }) => {
    const known = agentNames.find((name) => name === agent);
    const permissions = (known && catalogue.find(known, task)?.permissions) ?? resultPermissions;
    const missing = lacking(permissions, reader, operatorTenant);
    return missing.length === 0 ? undefined : { permissions: missing };
  };
}

/** Returns the error as a reader may see it. The message of a withheld result is replaced, since it may quote the result. */
export const shownError = <Shown extends { readonly message: string }>(
  error: Shown,
  withheld: Withheld | undefined,
): Shown =>
  withheld
    ? { ...error, message: `the reason takes the permission ${withheld.permissions.join(' and ')}` }
    : error;
