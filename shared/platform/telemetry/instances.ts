import { z } from 'zod';
import { CLOCK_TOLERANCE_MS, type Clock } from '../base/clock.ts';
import type { App } from '../config/config.ts';
import { hostKinds } from '../config/environment.ts';
import { stateBounds } from '../state/stateBounds.ts';
import type { StateStore } from '../state/stateStore.ts';
import { parseStateValue } from '../state/stateValue.ts';

/** What an instance of an app says of itself. Of its settings there are names and fingerprints, and never a value. */
export const instanceSchema = z.object({
  app: z.enum(['management', 'mcp']),
  version: z.string(),
  build: z.string(),
  node: z.string(),
  host: z.enum(hostKinds),
  startedAt: z.iso.datetime(),
  seenAt: z.iso.datetime(),
  /** Those that are set, each with its fingerprint. */
  settings: z.record(z.string(), z.string()),
  /** Names the key of the fingerprints. */
  keyId: z.string(),
  unknownSettings: z.array(z.string()),
  developmentOnly: z.array(z.object({ setting: z.string(), problem: z.string() })),
});
export type Instance = z.infer<typeof instanceSchema>;
export type KnownInstance = Instance & { readonly id: string };

/** How often an instance says that it is there. */
export const TELL_EVERY_MS = 30_000;
/** One that was silent for longer is taken to be gone; it says by its own clock when it was there. */
export const CURRENT_MS = 3 * TELL_EVERY_MS + CLOCK_TOLERANCE_MS;
const FORGET_AFTER_MS = 24 * 3_600_000;
const TRIES = 8;

const instancesSchema = z.record(z.string(), instanceSchema);
const keyOf = (app: App): string => `mreg:instances:${app}`;

/** Says what this instance is. One that was silent for a day is forgotten; where there are very many, the longest silent are. */
export const tellInstance = (state: StateStore, id: string, instance: Instance): Promise<void> =>
  change(state, instance.app, (known) => {
    const since = Date.parse(instance.seenAt) - FORGET_AFTER_MS;
    const kept = Object.entries(known).filter(([, { seenAt }]) => Date.parse(seenAt) > since);
    return { ...Object.fromEntries(kept), [id]: instance };
  });

/** Says that this instance is about to end. */
export const forgetInstance = (state: StateStore, id: string, app: App): Promise<void> =>
  change(state, app, ({ [id]: _, ...others }) => others);

type Instances = Readonly<Record<string, Instance>>;

async function change(state: StateStore, app: App, decide: (known: Instances) => Instances): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await state.get(keyOf(app));
    const text = fitting(decide(parseStateValue(before, instancesSchema) ?? {}));
    if ((await state.compareAndSet(keyOf(app), before, text, FORGET_AFTER_MS)) === 'stored') return;
  }
}

/** As text that fits the state. */
function fitting(instances: Instances): string {
  const newestFirst = Object.entries(instances).sort(([, a], [, b]) => (a.seenAt < b.seenAt ? 1 : -1));
  for (;;) {
    const text = JSON.stringify(Object.fromEntries(newestFirst));
    if (Buffer.byteLength(text) <= stateBounds.valueBytes || newestFirst.length === 0) return text;
    newestFirst.pop();
  }
}

/** What was said of an app in the last day. */
export interface AppInstances {
  /** Those that are there, the one that started last first. */
  readonly current: readonly KnownInstance[];
  /** When the last of those was seen that are gone. */
  readonly lastSeenAt: string | undefined;
}

export async function readInstances(state: StateStore, app: App, clock: Clock): Promise<AppInstances> {
  const since = clock.now().getTime() - CURRENT_MS;
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
