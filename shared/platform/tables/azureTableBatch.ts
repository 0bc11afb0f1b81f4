import { randomUUID } from 'node:crypto';
import type { TableClient } from '@azure/data-tables';
import { lazily } from '../base/lazily.ts';

/** One row of a batch: its keys, and columns of text. */
export type BatchRow = Readonly<Record<string, string>> & {
  readonly partitionKey: string;
  readonly rowKey: string;
};
/** `insert` fails where the row exists. `replace` writes it in any case. */
export type BatchAct = readonly ['insert' | 'replace', BatchRow];

/** The service rejected the whole batch. `code` is its error code, such as `EntityAlreadyExists`. */
export class BatchRefused extends Error {
  override readonly name = 'BatchRefused';
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined) {
    super(`the table service answered a batch with ${status} ${code ?? ''}`.trim());
    this.code = code;
  }
}

/** The package is loaded with the first batch. All batches share one client. */
const pipeline = lazily(async () => {
  const { createDefaultHttpClient, createHttpHeaders, createPipelineRequest } =
    await import('@azure/core-rest-pipeline');
  return { http: createDefaultHttpClient(), createHttpHeaders, createPipelineRequest };
});

/**
 * Writes up to 100 rows of one partition, all or none (Table service REST API, Performing entity group transactions). The SDK
 * sends the request, with its credentials and retries. Only the body is made here: `submitTransaction` sends each row through a
 * request pipeline, which costs several times as much as the row itself (decision 14). @throws BatchRefused, or the error of the
 * SDK when there is no answer
 */
export async function submitBatch(table: TableClient, acts: readonly BatchAct[]): Promise<void> {
  const { http, createHttpHeaders, createPipelineRequest } = await pipeline();
  const [account = '', query] = table.url.split('?', 2);
  const base = account.replace(/\/$/, '');
  const batch = `batch_${randomUUID()}`;
  const request = createPipelineRequest({
    url: `${base}/$batch${query === undefined ? '' : `?${query}`}`,
    method: 'POST',
    body: bodyOf(acts, `${base}/${table.tableName}`, batch),
    headers: createHttpHeaders({
      accept: 'application/json',
      'content-type': `multipart/mixed; boundary=${batch}`,
      'x-ms-version': '2019-02-02',
      dataserviceversion: '3.0;',
      maxdataserviceversion: '3.0;NetFx',
    }),
    // The client was made for this URL. It rejects plain http unless that was allowed.
    allowInsecureConnection: account.startsWith('http:'),
  });
  const { status, bodyAsText } = await table.pipeline.sendRequest(http, request);
  const answer = bodyAsText ?? '';
  const statuses = Array.from(answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm), ([, found]) => Number(found));
  const refused = [status, ...statuses].find((each) => each < 200 || each >= 300);
  if (refused !== undefined || statuses.length !== acts.length)
    throw new BatchRefused(refused ?? status, codeIn(answer));
}

const codeIn = (answer: string): string | undefined =>
  /"odata\.error"\s*:\s*\{\s*"code"\s*:\s*"(\w+)"/.exec(answer)?.[1];

const LINE = '\r\n';

/** One change set: the transaction within the batch. */
function bodyOf(acts: readonly BatchAct[], table: string, batch: string): string {
  const changes = `changeset_${randomUUID()}`;
  const parts = acts.map(([act, { partitionKey, rowKey, ...columns }]) =>
    [
      `--${changes}`,
      'content-type: application/http',
      'content-transfer-encoding: binary',
      '',
      act === 'insert'
        ? `POST ${table} HTTP/1.1`
        : `PUT ${table}(PartitionKey='${inUrl(partitionKey)}',RowKey='${inUrl(rowKey)}') HTTP/1.1`,
      'content-type: application/json;odata=nometadata',
      'accept: application/json;odata=minimalmetadata',
      'dataserviceversion: 3.0',
      'prefer: return-no-content',
      '',
      JSON.stringify({ PartitionKey: partitionKey, RowKey: rowKey, ...columns }),
      '',
    ].join(LINE),
  );
  const head = [`--${batch}`, `content-type: multipart/mixed; boundary=${changes}`, '', ''];
  return [...head, `${parts.join('')}--${changes}--`, `--${batch}--`, ''].join(LINE);
}

const inUrl = (key: string): string => encodeURIComponent(key.replaceAll("'", "''"));
