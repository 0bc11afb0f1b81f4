import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Tool } from '../../registry/records/server.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { NAMED_BY, parameterHeaders } from '../protocol/parameterHeaders.ts';
import type { ActiveServer } from './catalogue.ts';
import type { Viewer } from './clientView.ts';

/** A list that clients ask for, by its field in the answer. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

/** The methods that ask for lists. */
export const LISTS: ReadonlyMap<string, ListKind> = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
]);

/** The key of an item of each list. */
export const KEYS = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
} as const satisfies Record<ListKind, string>;

/** A request with the names of its server. */
export interface Routed {
  readonly server: ActiveServer;
  readonly params: JsonObject;
  readonly tool?: Tool | undefined;
  /** The resource of the request for the audit trail: names, never an argument. */
  readonly resource: string;
}

/** The servers behind an MCP endpoint for one tenant, and their names there. */
export interface View {
  /** A session is valid at the endpoint that opened it, and at no other. */
  readonly endpoint: string;
  profile(): Promise<Profile>;
  /** All items in a stable order; `undefined` when the server itself must answer. */
  list(kind: ListKind, viewer: Viewer): Promise<readonly JsonObject[] | undefined>;
  /**
   * Returns the server of a request. Failures: `invalid`, `not_found`, and `method_not_allowed` for a method that no server
   * gets. Waits only for a server that is not cached.
   */
  route(method: string, params: JsonObject): Awaitable<Result<Routed>>;
  /** Returns the slug in a request of an endpoint with several servers, whether or not that server takes calls. */
  slugIn?(method: string, params: JsonObject): string | undefined;
  /** Returns a result of a server with the names of this endpoint. */
  show(server: ActiveServer, result: JsonObject): JsonObject;
  /** Returns a URI of a server as this endpoint names it. */
  showUri(server: ActiveServer, uri: string): string;
  /** Whether the gateway listens to the servers for changes of their lists. */
  readonly listensForLists: boolean;
  /** Returns the endpoint with the registry's newest data; `undefined` when it is gone. */
  current(): Promise<View | undefined>;
  /** The servers behind the endpoint. */
  servers(): Promise<readonly ActiveServer[]>;
  /** Returns the built-in tool's own name; `undefined` when the name here is not one of a built-in tool. */
  builtInTool?(name: string): string | undefined;
}

export interface Profile {
  readonly capabilities: JsonObject;
  readonly instructions?: string | undefined;
  /** Absent: the gateway's own. */
  readonly serverInfo?: JsonObject;
}

export const NO_SUCH_METHOD: DomainError = {
  kind: 'method_not_allowed',
  message: 'This endpoint has no such method.',
};

/**
 * Whether a tool has the shape that clients check (both eras, server/tools, Tool) and can be called through the gateway. Another
 * tool would make a client reject the whole list.
 */
export function isSound(tool: Tool): boolean {
  let sound = known.get(tool);
  if (sound === undefined) known.set(tool, (sound = hasSoundShape(tool)));
  return sound;
}

/** Cached by tool, because each call asks. */
const known = new WeakMap<Tool, boolean>();

function hasSoundShape(tool: Tool): boolean {
  const { title, description, inputSchema, outputSchema, annotations, execution, _meta: meta } = tool;
  return (
    isObject(inputSchema) &&
    inputSchema['type'] === 'object' &&
    [title, description].every((text) => text === undefined || typeof text === 'string') &&
    [outputSchema, annotations, execution, meta].every((part) => part === undefined || isObject(part)) &&
    // Such a tool runs only as a task, and the gateway offers no tasks.
    !(isObject(execution) && execution['taskSupport'] === 'required') &&
    parameterHeaders(inputSchema) !== undefined
  );
}

export const nameless = (what: string): DomainError => ({
  kind: 'invalid',
  message: `params.name must be the name of a ${what}.`,
});

export const unknownTool = (name: string): DomainError => ({
  kind: 'not_found',
  message: `There is no tool "${name.slice(0, 200)}". tools/list names the tools that you can call.`,
});

/** The failure of a request for a server that an administrator has disabled. */
export const disabledServer = (slug: string): DomainError => ({
  kind: 'not_found',
  message: `The server "${slug}" is disabled. An administrator of the gateway can enable it.`,
});

/** Returns what a request names: a tool or prompt by its name, or a resource by its URI. */
export function namedIn(params: JsonObject): { readonly name?: unknown; readonly uri?: unknown } {
  const { name, uri } = isObject(params['ref']) ? params['ref'] : params;
  return { name, uri };
}

/** Names the resource of a request for the audit trail: a tool or a prompt by its name, but no URI, which may hold a secret. */
export function resourceOf({ slug }: ActiveServer, method: string, params: JsonObject): string {
  const named = { 'tools/call': 'tools', 'prompts/get': 'prompts' }[method];
  const name = params[NAMED_BY.get(method) ?? ''];
  return named !== undefined && typeof name === 'string'
    ? `servers/${slug}/${named}/${name}`
    : `servers/${slug}`;
}

/** A server, and the name or URI there of what a request names. */
export interface Named {
  readonly server: ActiveServer;
  readonly own: string;
}

/** A tool that a request names. Without a `tool`, the catalogue does not know it, and the server may. */
export interface FoundTool extends Named {
  readonly tool?: Tool | undefined;
}

/** How a view finds what a request names. Each returns a failure for what the endpoint does not have. */
export interface Finder {
  tool(name: string): Awaitable<FoundTool | undefined>;
  /** Returns the server of a prompt and the prompt's own name there. */
  prompt(name: unknown): Awaitable<Result<Named>>;
  /** Returns the server of a resource and the resource's own URI there. */
  resource(uri: unknown, method: string): Awaitable<Result<Named>>;
  /** Whether `completion/complete` may name a resource. Otherwise it names a prompt. */
  readonly completesResources: boolean;
}

/** Routes a request of an endpoint that names its items differently from their servers. */
export function routeBy(finder: Finder, method: string, params: JsonObject): Awaitable<Result<Routed>> {
  const routed = (server: ActiveServer, own: JsonObject, tool?: Tool): Result<Routed> =>
    succeed({ server, params: own, tool, resource: resourceOf(server, method, own) });
  const renamed = (found: Awaitable<Result<Named>>, rename: (own: string) => JsonObject) =>
    andThen(found, (named) =>
      named.ok ? routed(named.value.server, { ...params, ...rename(named.value.own) }) : named,
    );
  switch (method) {
    case 'tools/call': {
      const { name } = params;
      if (typeof name !== 'string') return fail(nameless('tool'));
      return andThen(finder.tool(name), (found) =>
        found && (found.tool === undefined || isSound(found.tool))
          ? routed(found.server, { ...params, name: found.own }, found.tool)
          : fail(unknownTool(name)),
      );
    }
    case 'prompts/get':
      return renamed(finder.prompt(params['name']), (name) => ({ name }));
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return renamed(finder.resource(params['uri'], method), (uri) => ({ uri }));
    case 'completion/complete': {
      const ref = isObject(params['ref']) ? params['ref'] : {};
      const { type, name, uri } = ref;
      const isPrompt = !finder.completesResources || (type === 'ref/prompt' && typeof name === 'string');
      return isPrompt
        ? renamed(finder.prompt(name), (own) => ({ ref: { ...ref, name: own } }))
        : renamed(finder.resource(uri, method), (own) => ({ ref: { ...ref, uri: own } }));
    }
    default:
      return fail(NO_SUCH_METHOD);
  }
}
