import type { IncomingMessage } from 'node:http';
import { json } from './handmadeUpstream.ts';
import { serve } from './serve.ts';
import { type Entity, Refusal, StandInDirectory } from './standInDirectory.ts';

/** What goes wrong on the way. */
export interface GraphFaults {
  /** How many requests for a new object find no such object: it has not reached the machine that answers. */
  lag: number;
  /** Answers to the next requests, in place of the right ones. */
  readonly next: { readonly status: number; readonly retryAfter?: string; readonly body?: unknown }[];
  /** The next requests that match are refused: `METHOD path`. */
  refuse: { readonly requests: RegExp; times: number; readonly refusal: Refusal } | undefined;
  /** Is performed, and then its answer is lost: the client sees 503. */
  loseAnswerOf: RegExp | undefined;
}

export interface StandInGraph {
  readonly origin: string;
  readonly directory: StandInDirectory;
  readonly faults: GraphFaults;
  /** The requests that change something, as `METHOD path`, refused ones too. */
  readonly writes: string[];
  readonly requests: string[];
  /** Entries of a page. */
  pageSize: number;
  /** Where the link to the next page leads. */
  linkOrigin: string;
  close(): Promise<void>;
}

const notFound = new Refusal(
  404,
  'Request_ResourceNotFound',
  'Resource does not exist or one of its queried reference-property objects are not present.',
);

/** Starts a server with the part of Microsoft Graph v1.0 that `npm run entra` uses. It accepts one token. */
export async function startStandInGraph(token: string): Promise<StandInGraph> {
  const directory = new StandInDirectory();
  const hiddenFor = new Map<unknown, number>();

  /** Hides a new object from the next requests. */
  const created = (entity: Entity): Reply => {
    if (graph.faults.lag > 0) hiddenFor.set(entity['id'], graph.faults.lag);
    return { status: 201, body: entity };
  };
  function visible(entity: Entity | undefined): Entity {
    const left = hiddenFor.get(entity?.['id']) ?? 0;
    if (left > 0) hiddenFor.set(entity?.['id'], left - 1);
    if (!entity || left > 0) throw notFound;
    return entity;
  }
  const byKey = (list: readonly Entity[], key: string): Entity | undefined => {
    const [, name = 'id', value = key] = /^\((\w+)='([^']*)'\)$/.exec(key) ?? [];
    return list.find((entity) => entity[name] === value);
  };

  function answer(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Entity,
    upsert: boolean,
  ): Reply {
    const [, kind = '', key = '', rest = ''] =
      /^(applications|servicePrincipals)(\/[\w-]+|\([^)]*\))(?:\/(.*))?$/.exec(path) ?? [];
    const plainKey = key.replace(/^\//, '');
    if (kind === 'applications') {
      const found = byKey(directory.applications, plainKey);
      if (rest === '') {
        if (method === 'GET') return { status: 200, body: select(directory.show(visible(found)), query) };
        if (found) {
          directory.patchApplication(visible(found), body);
          return { status: 204 };
        }
        const [, uniqueName] = /^\(uniqueName='(.*)'\)$/.exec(key) ?? [];
        if (!upsert || uniqueName === undefined) throw notFound;
        const app = directory.createApplication(uniqueName, body);
        return { ...created(app), body: directory.show(app) };
      }
      const app = visible(found);
      if (rest === 'federatedIdentityCredentials' && method === 'GET')
        return page(directory.credentials.get(app['id']) ?? [], path, query);
      const [, name] = /^federatedIdentityCredentials\(name='(.*)'\)$/.exec(rest) ?? [];
      if (name !== undefined && method === 'PATCH' && upsert)
        return { status: directory.setCredential(app, name, body) ? 201 : 204 };
    }
    if (kind === 'servicePrincipals') {
      const found = byKey(directory.servicePrincipals, plainKey);
      if (rest === '') {
        if (method === 'GET') return { status: 200, body: select(visible(found), query) };
        if (found) {
          Object.assign(visible(found), body);
          return { status: 204 };
        }
        const [, appId] = /^\(appId='(.*)'\)$/.exec(key) ?? [];
        if (!upsert || appId === undefined) throw notFound;
        return created(directory.createServicePrincipal(appId, body));
      }
      if (rest === 'appRoleAssignedTo') {
        const resource = visible(found);
        if (method === 'POST') return { status: 201, body: directory.assign(resource, body) };
        return page(
          directory.assignments.filter(({ resourceId }) => resourceId === resource['id']),
          path,
          query,
        );
      }
    }
    throw new Refusal(400, 'BadRequest', `Resource not found for the segment '${path}'.`);
  }

  function page(entries: readonly Entity[], path: string, query: URLSearchParams): Reply {
    const from = Number(query.get('$skiptoken') ?? 0);
    const to = from + graph.pageSize;
    const link = `${graph.linkOrigin}/v1.0/${path}?$skiptoken=${to}`;
    const value = entries.slice(from, to);
    return { status: 200, body: { value, ...(to < entries.length && { '@odata.nextLink': link }) } };
  }

  const server = await serve((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      const url = new URL(request.url ?? '/', 'http://graph');
      const method = request.method ?? 'GET';
      const path = decodeURIComponent(url.pathname.replace('/v1.0/', ''));
      graph.requests.push(`${method} ${path}`);
      if (method !== 'GET') graph.writes.push(`${method} ${path}`);
      const fault = graph.faults.next.shift();
      if (fault) {
        if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
        json(response, fault.body ?? {}, fault.status);
        return;
      }
      try {
        if (request.headers.authorization !== `Bearer ${token}`)
          throw new Refusal(401, 'InvalidAuthenticationToken', 'Access token is empty.');
        const { refuse } = graph.faults;
        if (refuse && refuse.times > 0 && refuse.requests.test(`${method} ${path}`)) {
          refuse.times--;
          throw refuse.refusal;
        }
        const upsert = request.headers['prefer'] === 'create-if-missing';
        const reply = answer(method, path, url.searchParams, body, upsert);
        if (graph.faults.loseAnswerOf?.test(`${method} ${path}`)) {
          graph.faults.loseAnswerOf = undefined;
          json(response, {}, 503);
        } else if (reply.body === undefined) response.writeHead(reply.status).end();
        else json(response, reply.body, reply.status);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        json(response, { error: { code: error.code, message: error.message } }, error.status);
      }
    })();
  });

  const origin = new URL(server.url).origin;
  const graph: StandInGraph = {
    origin,
    directory,
    faults: { lag: 0, next: [], refuse: undefined, loseAnswerOf: undefined },
    writes: [],
    requests: [],
    pageSize: 100,
    linkOrigin: origin,
    close: () => server.close(),
  };
  return graph;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

function select(entity: Entity, query: URLSearchParams): Entity {
  const names = query.get('$select')?.split(',');
  const unknown = names?.find((name) => !(name in entity));
  if (unknown !== undefined)
    throw new Refusal(400, 'BadRequest', `Could not find a property named '${unknown}'.`);
  const shown = Object.entries(entity).filter(([name]) => names?.includes(name) ?? true);
  return { '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata', ...Object.fromEntries(shown) };
}

async function bodyOf(request: IncomingMessage): Promise<Entity> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Entity);
}
