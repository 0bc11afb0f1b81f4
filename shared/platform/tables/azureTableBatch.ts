import { randomUUID } from 'node:crypto';
import type { TableClient } from '@azure/data-tables';
import { type Act, requestOf, send, type TableAnswer } from './azureTableRows.ts';

/** What the service answered a batch: the refusal of one change, or the ETags of all rows in the order of the changes. */
export interface BatchAnswer extends TableAnswer {
  readonly etags: readonly (string | undefined)[];
}

/**
 * Changes up to 100 rows of one partition, all or none (Table service REST API, Performing entity group transactions).
 * `submitTransaction` of the SDK sends each row through a request pipeline, which costs several times as much as the row itself
 * (decision 14).
 */
export async function sendBatch(table: TableClient, acts: readonly Act[]): Promise<BatchAnswer> {
  const batch = `batch_${randomUUID()}`;
  const account = table.url.split('?', 1)[0]?.replace(/\/$/, '') ?? '';
  const { status, bodyAsText } = await send(table, '$batch', {
    method: 'POST',
    body: bodyOf(acts, `${account}/${table.tableName}`, batch),
    headers: {
      accept: 'application/json',
      'content-type': `multipart/mixed; boundary=${batch}`,
      dataserviceversion: '3.0;',
      maxdataserviceversion: '3.0;NetFx',
    },
  });
  const answer = bodyAsText ?? '';
  const parts = answer.split(/^HTTP\/1\.1 /m).slice(1);
  const statuses = parts.map((part) => Number.parseInt(part, 10));
  const refused = [status, ...statuses].find((each) => !(each >= 200 && each < 300));
  if (refused !== undefined) return { status: refused, code: codeIn(answer), etags: [] };
  if (parts.length !== acts.length) throw new Error('the answer to a batch has not one part for each change');
  return { status, etags: parts.map((part) => /^etag:(.+)$/im.exec(part)?.[1]?.trim()) };
}

const codeIn = (answer: string): string | undefined =>
  /"odata\.error"\s*:\s*\{\s*"code"\s*:\s*"(\w+)"/.exec(answer)?.[1];

const LINE = '\r\n';

/** One change set: the transaction within the batch. */
function bodyOf(acts: readonly Act[], table: string, batch: string): string {
  const changes = `changeset_${randomUUID()}`;
  const parts = acts.map((act) => {
    const { method, path, headers, body = '' } = requestOf(act);
    return [
      `--${changes}`,
      'content-type: application/http',
      'content-transfer-encoding: binary',
      '',
      `${method} ${table}${path} HTTP/1.1`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
      '',
    ].join(LINE);
  });
  const head = [`--${batch}`, `content-type: multipart/mixed; boundary=${changes}`, '', ''];
  return [...head, `${parts.join('')}--${changes}--`, `--${batch}--`, ''].join(LINE);
}
