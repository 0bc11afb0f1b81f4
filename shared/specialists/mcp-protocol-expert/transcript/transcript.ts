import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Era } from '../../../registry/records/era.ts';
import type { Exchanged } from './exchange.ts';

export const listKinds = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const;
export type ListKind = (typeof listKinds)[number];

/** How each list is asked for, and the capability that offers it. */
export const listMethods = {
  tools: { method: 'tools/list', capability: 'tools' },
  prompts: { method: 'prompts/list', capability: 'prompts' },
  resources: { method: 'resources/list', capability: 'resources' },
  resourceTemplates: { method: 'resources/templates/list', capability: 'resources' },
} as const satisfies Record<ListKind, { readonly method: string; readonly capability: string }>;

/** What is tried: everything that the checks judge, the lists alone, or what tells how fast the server answers. */
export type Scope = 'all' | 'lists' | 'timing';

/** One list of a server, as far as it was read. */
export interface ListRun {
  readonly pages: readonly Exchanged[];
  /** In the order in which they came; whatever the server put there. */
  readonly items: readonly unknown[];
  /** `cut`: there were more pages or items than are read. `looped`: a cursor came a second time. */
  readonly end: 'complete' | 'cut' | 'looped' | 'failed';
}

/** All that was exchanged with a server, in one go, for the checks to judge. */
export interface Transcript {
  readonly era: Era;
  /** That the server agreed to speak; empty where it named none. */
  readonly version: string;
  /** `initialize` or `server/discover`. */
  readonly opening: Exchanged;
  /** What the opening came to; empty where it failed. */
  readonly profile: JsonObject;
  readonly capabilities: JsonObject;
  /** Legacy: as the server named it. */
  readonly sessionId: string | undefined;
  readonly lists: Readonly<Record<ListKind, ListRun>>;
  /** By their step. A step that is missing was not tried: it does not apply, or the server had stopped answering. */
  readonly steps: ReadonlyMap<string, Exchanged>;
  /** Why it ended before everything was tried. */
  readonly interrupted: string | undefined;
}

/** A response as it stood in an answer; undefined where the answer holds none. */
export function responseIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  return exchanged?.answer?.messages.filter(isObject).find((message) => isResponse(message));
}

export const isResponse = (message: JsonObject): boolean =>
  !('method' in message) && ('result' in message || 'error' in message);

/** The result in an answer; undefined for an error or anything else. */
export function resultIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  const result = responseIn(exchanged)?.['result'];
  return isObject(result) ? result : undefined;
}

/** The error in an answer. */
export function errorIn(exchanged: Exchanged | undefined): JsonObject | undefined {
  const error = responseIn(exchanged)?.['error'];
  return isObject(error) ? error : undefined;
}
