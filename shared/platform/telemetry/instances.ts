import * as z from 'zod';
import { type Clock, CLOCK_TOLERANCE_MS } from '../base/clock.ts';
import { type App, appSchema } from '../config/config.ts';
import { hostKinds } from '../config/environment.ts';
import { stateBounds } from '../state/stateBounds.ts';
import { parseStateValue, type StateStore } from '../state/stateStore.ts';

/** The facts that an instance of an app publishes about itself. For settings it publishes names and fingerprints, never values. */
export const instanceSchema = z.object({
  app: appSchema,
  version: z.string(),
  build: z.string(),
  node: z.string(),
  host: z.enum(hostKinds),
  startedAt: z.iso.datetime(),
  seenAt: z.iso.datetime(),
  /** The fingerprints of the settings that are set. */
  settings: z.record(z.string(), z.string()),
  /** Identifies the key of the fingerprints. */
  keyId: z.string(),
  unknownSettings: z.array(z.string()),
  developmentOnly: z.array(z.object({ setting: z.string(), problem: z.string() })),
});
export type Instance = z.infer<typeof instanceSchema>;
export type KnownInstance = Instance & { readonly id: string };

/** Time between two heartbeats of an instance. */
export const HEARTBEAT_INTERVAL_MS = 30_000;
/** An instance without a heartbeat for longer counts as gone. Its own clock dates the heartbeats. */
export const LIVE_FOR_MS = 3 * HEARTBEAT_INTERVAL_MS + CLOCK_TOLERANCE_MS;
const INSTANCE_LIFETIME_MS = 24 * 3_600_000;
/** Attempts to write, in conflict with other instances. The next heartbeat writes again. */
const MAX_ATTEMPTS = 8;

const instancesSchema = z.record(z.string(), instanceSchema);
const keyOf = (app: App): string => `mreg:instances:${app}`;

/**
 * Publishes the facts about this instance. Removes instances without a heartbeat for a day, and the oldest where there are too
 * many.
 */
export const writeInstance = (state: StateStore, id: string, instance: Instance): Promise<void> =>
  change(state, instance.app, (known) => {
    const since = Date.parse(instance.seenAt) - INSTANCE_LIFETIME_MS;
    const kept = Object.entries(known).filter(([, { seenAt }]) => Date.parse(seenAt) > since);
    return { ...Object.fromEntries(kept), [id]: instance };
  });

/** Removes this instance, which is about to end. */
export const removeInstance = (state: StateStore, id: string, app: App): Promise<void> =>
  change(state, app, ({ [id]: _, ...others }) => others);

type Instances = Readonly<Record<string, Instance>>;

async function change(state: StateStore, app: App, decide: (known: Instances) => Instances): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await state.get(keyOf(app));
    const text = fitting(decide(parseStateValue(before, instancesSchema) ?? {}));
    if ((await state.compareAndSet(keyOf(app), before, text, INSTANCE_LIFETIME_MS)) === 'stored') return;
  }
}

/** Returns the instances as JSON that fits into a state value: the newest, where not all fit. */
function fitting(instances: Instances): string {
  const newestFirst = Object.entries(instances).sort(([, a], [, b]) => (a.seenAt < b.seenAt ? 1 : -1));
  for (;;) {
    const text = JSON.stringify(Object.fromEntries(newestFirst));
    if (Buffer.byteLength(text) <= stateBounds.valueBytes || newestFirst.length === 0) return text;
    newestFirst.pop();
  }
}

/** The instances of an app in the last day. */
export interface AppInstances {
  /** The running instances. The newest is first. */
  readonly current: readonly KnownInstance[];
  /** The last heartbeat of the instances that are gone. */
  readonly lastSeenAt: string | undefined;
}

export async function readInstances(state: StateStore, app: App, clock: Clock): Promise<AppInstances> {
  const since = clock.now().getTime() - LIVE_FOR_MS;
  const known = Object.entries(parseStateValue(await state.get(keyOf(app)), instancesSchema) ?? {})
    .map(([id, instance]) => ({ id, ...instance }))
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  const isCurrent = ({ seenAt }: Instance) => Date.parse(seenAt) >= since;
  const lastSeenAt = known
    .filter((instance) => !isCurrent(instance))
    .map(({ seenAt }) => seenAt)
    .sort()
    .at(-1);
  return { current: known.filter(isCurrent), lastSeenAt };
}
