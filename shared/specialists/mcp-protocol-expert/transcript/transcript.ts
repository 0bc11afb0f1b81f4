import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Era } from '../../../registry/records/era.ts';
import { type Exchanged, isResponse } from './exchange.ts';

export const listKinds = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const;
export type ListKind = (typeof listKinds)[number];

/** How each list is asked for, and the capability that offers it. */
export const listMethods = {
  tools: { method: 'tools/list', capability: 'tools' },
  prompts: { method: 'prompts/list', capability: 'prompts' },
  resources: { method: 'resources/list', capability: 'resources' },
  resourceTemplates: { method: 'resources/templates/list', capability: 'resources' },
} as const satisfies Record<ListKind, { readonly method: string; readonly capability: string }>;

/**
 * What is exchanged. `gentle`: requests that every client sends. `thorough`: also malformed messages and unknown names, for all
 * checks. `lists`: only the lists. `timing`: what shows how fast the server answers.
 */
export type Scope = 'gentle' | 'thorough' | 'lists' | 'timing';

/** One list of a server, as far as it was read. */
export interface ListRun {
  readonly pages: readonly Exchanged[];
  /** In the order in which they came, unparsed. */
  readonly items: readonly unknown[];
  /** `cut`: the list is longer than what is read. `looped`: a cursor came a second time. */
  readonly end: 'complete' | 'cut' | 'looped' | 'failed';
}

/** All exchanges of one recording, as input for the checks. */
export interface Transcript {
  readonly era: Era;
  /** The version that the server chose; empty where it named none. */
  readonly version: string;
  /** `initialize` or `server/discover`. */
  readonly opening: Exchanged;
  /** The result of the opening; empty where it failed. */
  readonly profile: JsonObject;
  readonly capabilities: JsonObject;
  /** Legacy: the id of the session that the server opened, if it did. */
  readonly sessionId: string | undefined;
  readonly lists: Readonly<Record<ListKind, ListRun>>;
  /** By the name of their step. A missing step was not sent: it does not apply, or the server had stopped answering. */
  readonly steps: ReadonlyMap<string, Exchanged>;
  /** Why the recording ended early. */
  readonly interrupted: string | undefined;
}

/** Returns the response in an answer; undefined where there is none. */
export function responseIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  return exchanged?.answer?.messages.filter(isObject).find((message) => isResponse(message));
}

/** Returns the result in an answer; undefined for an error or anything else. */
export function resultIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  const result = responseIn(exchanged)?.['result'];
  return isObject(result) ? result : undefined;
}

/** Returns the JSON-RPC error in an answer. */
export function errorIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  const error = responseIn(exchanged)?.['error'];
  return isObject(error) ? error : undefined;
}
