import { z } from 'zod';
import { type Role, roles } from '../../../shared/identity/access/actor.ts';
import { fail, invalidBySchema, type Result, succeed } from '../../../shared/platform/base/result.ts';
import type { People, Person } from './directory.ts';

const bodySchema = z.strictObject({ roles: z.array(z.enum(roles)).optional() });

/** What an administrator of the directory does to a person, by the last part of the path. */
const acts: Readonly<Record<string, (people: People, oid: string, granted: readonly Role[]) => void>> = {
  disable: (people, oid) => {
    people.disable(oid);
  },
  enable: (people, oid) => {
    people.enable(oid);
  },
  revoke: (people, oid) => {
    people.revoke(oid);
  },
  roles: (people, oid, granted) => {
    people.assignRoles(oid, granted);
  },
};

/** Does an act to a person, and returns the person as they are then. */
export function administer(people: People, oid: string, name: string, body: unknown): Result<Person> {
  const act = Object.hasOwn(acts, name) ? acts[name] : undefined;
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) return invalidBySchema(parsed.error, 'the body');
  if (act && people.find(oid)) act(people, oid, parsed.data.roles ?? []);
  const person = act && people.find(oid);
  return person ? succeed(person) : fail({ kind: 'not_found', message: 'There is no such person or act.' });
}
