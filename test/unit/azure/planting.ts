import { settingsResources } from './appSettings.ts';
import { at, isObject, type Resource, type Snapshot, textAt } from './snapshot.ts';

export type Plant = (snapshot: Snapshot) => void;
type Place = readonly [type: string, name?: string];

/** Returns the first resource of a type, without `Microsoft.`, whose name holds a text. */
export function find({ resources }: Snapshot, [type, name = '']: Place): Resource {
  const found = resources.find((each) => each.type === `Microsoft.${type}` && each.name.includes(name));
  if (!found) throw new Error(`no ${type} ${name}`);
  return found;
}

/** Removes a resource. */
export const without =
  (...place: Place): Plant =>
  (snapshot) => {
    snapshot.resources.splice(snapshot.resources.indexOf(find(snapshot, place)), 1);
  };

/** Sets a property of a resource by its path. Undefined removes it. */
export const change =
  (place: Place, path: string, value: unknown): Plant =>
  (snapshot) => {
    set(find(snapshot, place), path, value);
  };

/** Sets a setting of an app. */
export const setting =
  (app: string, name: string, value: unknown): Plant =>
  (snapshot) => {
    set(settingsOf(snapshot, app), name, value);
  };

export function set(resource: Resource, path: string, value: unknown): void {
  const [, parent, name = ''] = /^(?:(.*)\.)?(\w+)$/.exec(path) ?? [];
  const target = parent === undefined ? resource.properties : at(resource, parent);
  if (!isObject(target)) throw new Error(`${resource.name} has no ${path}`);
  Reflect.set(target, name, value);
}

export function settingsOf(snapshot: Snapshot, app: string): Resource {
  const found = settingsResources(snapshot).find((each) => textAt(each, 'MREG_APP') === app);
  if (!found) throw new Error(`no settings of ${app}`);
  return found;
}

/** Returns the assignment of a role, by parts of the ids. */
export function assignment({ resources }: Snapshot, who: string, on: string, role: string): Resource {
  const found = resources.find(
    ({ type, id }) =>
      type.endsWith('/roleAssignments') && [`/id-${who}-`, on, role].every((part) => id.includes(part)),
  );
  if (!found) throw new Error(`${who} has no ${role} on ${on}`);
  return found;
}
