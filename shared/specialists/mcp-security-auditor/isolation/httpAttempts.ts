import type { Session } from '../../../identity/sessions/sessionStore.ts';
import type { TaskHelpers } from '../../../orchestration/tasks/task.ts';
import { callEndpoint } from '../../callEndpoint.ts';
import type { Finding } from '../../finding.ts';
import { tracedHeaders } from '../../tracedHeaders.ts';
import type { IsolationDeps, StrangersRecords } from './foreignRecords.ts';

const WITHIN_MS = 10_000;
const listTools = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';

interface Request {
  readonly what: string;
  readonly url: string;
  readonly body?: string;
  /** A list, which is there for everyone and must not hold the record. */
  readonly isList?: true;
}

/** How the apps answered somebody of the caller's tenant. */
export interface HttpOutcome {
  readonly asked: number;
  /** What was not asked since the roles of the caller do not allow it. */
  readonly closed: readonly string[];
  readonly leaks: readonly string[];
  readonly findings: readonly Finding[];
}

/** Asks both apps for the stranger's records with the token of the session. */
export async function askOverHttp(
  { server, toolset, delegation, plan, mark }: StrangersRecords,
  session: Session,
  token: string,
  { signal, traceId }: Pick<TaskHelpers, 'signal' | 'traceId'>,
  { config, outbound }: IsolationDeps,
): Promise<HttpOutcome> {
  const { managementOrigin: management, publicOrigin: mcp } = config;
  const requests: readonly Request[] = [
    { what: 'server', url: `${management}/servers/${server.slug}` },
    { what: 'list of servers', url: `${management}/servers?search=${mark}`, isList: true },
    { what: 'toolset', url: `${management}/toolsets/${toolset.slug}` },
    { what: 'delegation', url: `${management}/delegations/${delegation.id}` },
    { what: 'list of delegations', url: `${management}/delegations?plan=${mark}`, isList: true },
    { what: 'plan', url: `${management}/plans/${plan.id}` },
    { what: 'session', url: `${management}/sessions/${session.id}` },
    { what: "tools at the server's endpoint", url: `${mcp}/servers/${server.slug}/mcp`, body: listTools },
    { what: "the toolset's endpoint", url: `${mcp}/toolsets/${toolset.slug}/mcp`, body: listTools },
    { what: 'tools at the endpoint of all servers', url: `${mcp}/mcp`, body: listTools, isList: true },
  ];
  const answers = await Promise.all(
    requests.map(async ({ what, url, body, isList }) => {
      const called = await callEndpoint(outbound, {
        method: body === undefined ? 'GET' : 'POST',
        url,
        ...(body !== undefined && { body }),
        token,
        headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]),
      });
      if (!called.ok) return { what, status: undefined, leaks: false, reason: called.error.message };
      const { status, body: answer } = called.value;
      // A refusal may name the slug that it was asked for; a list, or an answer that is none, must not.
      const leaks = status === 200 && (isList !== true || JSON.stringify(answer ?? '').includes(mark));
      return { what, status, leaks, reason: '' };
    }),
  );
  return {
    asked: answers.length,
    closed: answers.filter(({ status }) => status === 403).map(({ what }) => what),
    leaks: answers.filter(({ leaks }) => leaks).map(({ what }) => what),
    findings: answers.flatMap(({ what, status, reason }): Finding[] =>
      status === undefined || status === 401 || status >= 500
        ? [
            {
              rule: 'not_asked_over_http',
              severity: 'warning',
              message: `whether the ${what} can be had over HTTP is not known: ${status === undefined ? reason : `status ${status}`}`,
              evidence: { what, status: status ?? null },
              remedy:
                'Check that both apps run, and that the session has not ended; then run the check again.',
            },
          ]
        : [],
    ),
  };
}
