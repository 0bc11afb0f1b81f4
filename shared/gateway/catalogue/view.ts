import type { DomainError } from '../../platform/base/errors.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import type { ActiveServer } from './catalogue.ts';

/** A list that clients ask for, by its field in the answer. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

/** The methods that ask for lists. */
export const LISTS: ReadonlyMap<string, ListKind> = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
]);

/** What names an item of each list. */
export const KEYS = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
} as const satisfies Record<ListKind, string>;

/** A request as its server takes it. */
export interface Routed {
  readonly server: ActiveServer;
  /** With the server's own names. */
  readonly params: JsonObject;
  readonly tool?: Tool;
  /** What it is done to, for the audit trail: names, never an argument. */
  readonly resource: string;
}

/** What an MCP endpoint shows of the registry to one tenant, and under which names. */
export interface View {
  /** Sessions are good at the endpoint that opened them, and at no other. */
  readonly endpoint: string;
  profile(era: Era): Promise<Profile>;
  /** All items, in an order that stays; undefined when only the server itself can tell. */
  list(kind: ListKind, era: Era): Promise<readonly JsonObject[] | undefined>;
  /** Where a request goes. Failures: `invalid`, `not_found`, and `method_not_allowed` for a method that no server is given. */
  route(method: string, params: JsonObject): Promise<Result<Routed>>;
  /** A result of a server in the names of this endpoint. */
  show(server: ActiveServer, result: JsonObject): JsonObject;
  /** A URI of a server in the names of this endpoint. */
  showUri(server: ActiveServer, uri: string): string;
  /** Whether what a server says of its lists concerns this endpoint, so that it is worth to listen for. */
  readonly hearsListsOfServers: boolean;
  /** The same endpoint as the registry has it now; undefined when it is gone. */
  current(): Promise<View | undefined>;
  /** The servers behind the endpoint. */
  servers(): Promise<readonly ActiveServer[]>;
  /** What the gateway itself calls the tool that is named so here; undefined where that can be none of its own. */
  ownTool?(name: string): string | undefined;
}

export interface Profile {
  readonly capabilities: JsonObject;
  readonly instructions?: string | undefined;
  /** The gateway's own when absent. */
  readonly serverInfo?: JsonObject;
}

export const NO_SUCH_METHOD: DomainError = {
  kind: 'method_not_allowed',
  message: 'This endpoint has no such method.',
};
