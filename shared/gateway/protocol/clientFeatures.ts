import type { JsonObject } from './jsonRpc.ts';

/** What a server may ask of a client, by the capability that allows it (2025-11-25, client; 2026-07-28, multi-round-trip requests). */
const askedBy: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);
const features: readonly string[] = [...askedBy.values()];

/** The requests during which a client may be asked: no other has a person waiting for it. */
const mayAsk: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** Of what a client declares, that which the gateway can carry for it. */
export function carriedFeatures(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(capabilities).filter(([name]) => features.includes(name)));
}

/** The requests during which a server may ask, whatever it asks. */
export const allowsQuestions = (method: string): boolean => mayAsk.has(method);

/** Whether a client with these capabilities can be sent the request `method` while it waits for the answer to `during`. */
export function canAnswer(capabilities: JsonObject, method: string, during: string): boolean {
  const feature = askedBy.get(method);
  return feature !== undefined && mayAsk.has(during) && feature in capabilities;
}
