import type { PipelineResponse } from '@azure/core-rest-pipeline';
import type { TableClient } from '@azure/data-tables';
import { restPipeline, tableHttp } from './tableHttp.ts';
import type { RowKey } from './tables.ts';

/*
 * Operations on rows as HTTP requests (Table service REST API). The pipeline of the SDK's client signs, retries and sends them.
 * The operations of the SDK itself take two to three times the CPU (decision 39).
 */

type Property = string | boolean | Date | Uint8Array;
export interface NewRow {
  readonly key: RowKey;
  readonly properties: Readonly<Record<string, Property>>;
}
export interface FoundRow {
  readonly key: RowKey;
  readonly etag: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/**
 * A change of one row. `insert` fails where the row exists, `put` writes it in any case. `replace` and `remove` fail where it is
 * missing or has another ETag.
 */
export type Act =
  | readonly ['insert' | 'put', NewRow]
  | readonly ['replace', NewRow, etag: string]
  | readonly ['remove', RowKey, etag: string];

export interface TableAnswer {
  readonly status: number;
  /** The error code of the Table service; absent where it refused nothing, and where another service answered. */
  readonly code?: string | undefined;
  readonly etag?: string | undefined;
}

/** The Table service, or what answers in its place, refused an operation. */
export class TableRefusal extends Error {
  override readonly name = 'TableRefusal';
  readonly code: string | undefined;
  readonly statusCode: number;

  constructor({ status, code }: TableAnswer) {
    super(`the table service answered ${status} ${code ?? ''}`.trim());
    this.code = code;
    this.statusCode = status;
  }
}

const ANSWERS = { accept: 'application/json;odata=minimalmetadata', dataserviceversion: '3.0' };
const TYPE = '@odata.type';

const escaped = (key: string): string => encodeURIComponent(key.replaceAll("'", "''"));
const pathOf = ({ partition, row }: RowKey): string =>
  `(PartitionKey='${escaped(partition)}',RowKey='${escaped(row)}')`;

interface TableRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Returns the request of a change, alone or as a part of a batch. Its path follows the name of the table. */
export function requestOf([kind, changed, etag]: Act): TableRequest & { readonly path: string } {
  const ifMatch = etag === undefined ? undefined : { 'if-match': etag };
  if (kind === 'remove')
    return { method: 'DELETE', path: pathOf(changed), headers: { ...ANSWERS, ...ifMatch } };
  return {
    method: kind === 'insert' ? 'POST' : 'PUT',
    path: kind === 'insert' ? '' : pathOf(changed.key),
    headers: {
      ...ANSWERS,
      ...ifMatch,
      'content-type': 'application/json;odata=nometadata',
      prefer: 'return-no-content',
    },
    body: JSON.stringify(entityOf(changed)),
  };
}

/** Returns a row in the service's JSON, which names the types that JSON does not have. */
function entityOf({ key, properties }: NewRow): Readonly<Record<string, string | boolean>> {
  const entity: Record<string, string | boolean> = { PartitionKey: key.partition, RowKey: key.row };
  for (const [name, value] of Object.entries(properties)) {
    if (value instanceof Date) {
      entity[name] = value.toISOString();
      entity[name + TYPE] = 'Edm.DateTime';
    } else if (value instanceof Uint8Array) {
      entity[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
      entity[name + TYPE] = 'Edm.Binary';
    } else entity[name] = value;
  }
  return entity;
}

type Entity = Readonly<Record<string, unknown>>;

function foundRow(entity: Entity): FoundRow {
  const { PartitionKey, RowKey, Timestamp: _, 'odata.etag': etag, ...rest } = entity;
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name.includes('odata.')) continue;
    const type = entity[name + TYPE];
    if (type === 'Edm.DateTime') properties[name] = new Date(String(value));
    else properties[name] = type === 'Edm.Binary' ? Buffer.from(String(value), 'base64') : value;
  }
  return { key: { partition: String(PartitionKey), row: String(RowKey) }, etag: String(etag), properties };
}

export async function sendAct(table: TableClient, act: Act): Promise<TableAnswer> {
  const { path, ...request } = requestOf(act);
  return answerOf(await send(table, `${table.tableName}${path}`, request));
}

/** Reads one row. */
export async function readRow(
  table: TableClient,
  key: RowKey,
): Promise<TableAnswer & { readonly row?: FoundRow }> {
  const response = await send(table, table.tableName + pathOf(key), { method: 'GET', headers: ANSWERS });
  const answer = answerOf(response);
  return answer.code === undefined && response.status === 200
    ? { ...answer, row: foundRow(contentOf(response)) }
    : answer;
}

/**
 * Yields the rows that match a filter, page by page, in the order of their keys. `nextSize` returns the size of the page after one
 * of a size. @throws TableRefusal
 */
export async function* listRows(
  table: TableClient,
  filter: string,
  pageSize?: number,
  nextSize = (size: number): number => size,
): AsyncGenerator<readonly FoundRow[]> {
  const query = new URLSearchParams({ $filter: filter });
  if (filter === '') query.delete('$filter');
  for (let size = pageSize; ; size &&= nextSize(size)) {
    if (size !== undefined) query.set('$top', String(size));
    const path = `${table.tableName}()?${query.toString()}`;
    const response = await send(table, path, { method: 'GET', headers: ANSWERS });
    const { value } = contentOf(response);
    if (response.status !== 200 || !Array.isArray(value)) throw new TableRefusal(answerOf(response));
    yield value.map((entity: Entity) => foundRow(entity));
    const [partition, row] = ['partitionkey', 'rowkey'].map((name) =>
      response.headers.get(`x-ms-continuation-next${name}`),
    );
    if (partition === undefined) return;
    query.set('NextPartitionKey', partition);
    // Without a row, the next page begins with the first one of the partition.
    if (row === undefined) query.delete('NextRowKey');
    else query.set('NextRowKey', row);
  }
}

/** Sends a request to a path of the account. */
export async function send(
  table: TableClient,
  path: string,
  request: TableRequest,
): Promise<PipelineResponse> {
  const { createHttpHeaders, createPipelineRequest } = await restPipeline();
  const [account = '', query] = table.url.split('?', 2);
  const base = account.replace(/\/$/, '');
  const signature = query === undefined ? '' : (path.includes('?') ? '&' : '?') + query;
  const sent = createPipelineRequest({
    ...request,
    url: `${base}/${path}${signature}`,
    headers: createHttpHeaders({ 'x-ms-version': '2019-02-02', ...request.headers }),
    // The client was made for this URL. It rejects plain http unless that was allowed.
    allowInsecureConnection: account.startsWith('http:'),
  });
  return table.pipeline.sendRequest(tableHttp, sent);
}

function answerOf(response: PipelineResponse): TableAnswer {
  const { status, headers } = response;
  if (status < 300) return { status, etag: headers.get('etag') };
  const error = contentOf(response)['odata.error'];
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return { status, code: typeof code === 'string' ? code : undefined };
}

/** Returns the JSON of a response, which the pipeline of the SDK has parsed; nothing of a body that is no JSON. */
function contentOf(response: PipelineResponse & { readonly parsedBody?: unknown }): Entity {
  const { parsedBody } = response;
  return typeof parsedBody === 'object' && parsedBody !== null ? { ...parsedBody } : {};
}
