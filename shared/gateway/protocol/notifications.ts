import { isObject, type JsonObject } from './jsonRpc.ts';

/** The request of the modern era for server-initiated messages (2026-07-28, utilities/subscriptions). */
export const LISTEN = 'subscriptions/listen';
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';
export const UPDATED = 'notifications/resources/updated';

/** The lists whose changes are announced. */
export const changingLists = ['tools', 'prompts', 'resources'] as const;
export type ChangingList = (typeof changingLists)[number];

export const listChanged = (list: ChangingList): string => `notifications/${list}/list_changed`;

/** Returns the list that a notification says has changed, or `undefined` for other notifications. */
export const changedList = (method: string): ChangingList | undefined =>
  changingLists.find((list) => listChanged(list) === method);

/**
 * Notifications on the stream of a call that end at the gateway. It announces lists and resources by its own streams, cancels
 * calls by its own ids, and carries no tasks. The last two are notifications of clients.
 */
const endingHere: ReadonlySet<string> = new Set([
  ...changingLists.map(listChanged),
  ...[UPDATED, ACKNOWLEDGED, 'notifications/cancelled', 'notifications/tasks/status'],
  ...['notifications/initialized', 'notifications/roots/list_changed'],
]);

/** Whether a notification of a server passes to the client whose call it belongs to. Those of extensions and of vendors pass. */
export const passesToClient = (method: string): boolean => !endingHere.has(method);

/** Returns `params.notifications` of `subscriptions/listen` for the wanted lists and resources. */
export const listenParams = (
  { tools, prompts, resources }: Readonly<Record<ChangingList, boolean>>,
  uris: readonly unknown[],
): JsonObject => ({
  ...(tools && { toolsListChanged: true }),
  ...(prompts && { promptsListChanged: true }),
  ...(resources && { resourcesListChanged: true }),
  ...(uris.length > 0 && { resourceSubscriptions: uris }),
});

/** Whether a capability such as `tools` has a flag such as `listChanged`. */
const hasFlag = (capabilities: JsonObject, name: string, flag: 'listChanged' | 'subscribe'): boolean => {
  const capability = capabilities[name];
  return isObject(capability) && capability[flag] === true;
};

/** Whether a server with these capabilities announces changes of its lists or resources. */
export const announcesChanges = (capabilities: JsonObject): boolean =>
  changingLists.some(
    (name) => hasFlag(capabilities, name, 'listChanged') || hasFlag(capabilities, name, 'subscribe'),
  );

/** Returns for each list whether an endpoint with these capabilities announces its changes. */
export const announcedLists = (capabilities: JsonObject): Readonly<Record<ChangingList, boolean>> => ({
  tools: hasFlag(capabilities, 'tools', 'listChanged'),
  prompts: hasFlag(capabilities, 'prompts', 'listChanged'),
  resources: hasFlag(capabilities, 'resources', 'listChanged'),
});
