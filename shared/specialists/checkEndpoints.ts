import { isObject } from '../gateway/protocol/jsonRpc.ts';
import type { App, Config } from '../platform/config/config.ts';
import { type EndpointAnswer, callEndpoint } from './callEndpoint.ts';
import type { SpecialistDeps } from './deps.ts';
import type { Finding } from './finding.ts';
import { tracedHeaders } from './tracedHeaders.ts';

/** An endpoint of an app, and how it answers when all is well. */
interface Endpoint {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** Called with the token of the session, where there is one; else it is not called. */
  readonly needsToken?: true;
  readonly wants: readonly number[];
  /** What is wrong with an answer of the status that is wanted; undefined where nothing is. */
  readonly judge?: (answer: EndpointAnswer, config: Config) => string | undefined;
}

/** What one call came to. */
interface Called {
  readonly name: string;
  readonly status?: number;
  readonly durationMs?: number;
  /** Why there was no answer. */
  readonly failure?: { readonly kind: string; readonly message: string };
  readonly wrong?: string;
}

export interface EndpointsLook {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

const isUp = ({ body }: EndpointAnswer): string | undefined =>
  isObject(body) && body['status'] === 'up' ? undefined : 'does not say that it is up';
const hasChallenge = ({ headers }: EndpointAnswer): string | undefined =>
  String(headers['www-authenticate'] ?? '').startsWith('Bearer ') ? undefined : 'has no Bearer challenge';
const isOurs = ({ body }: EndpointAnswer, { publicOrigin }: Config): string | undefined =>
  isObject(body) && body['resource'] === `${publicOrigin}/mcp`
    ? undefined
    : 'names another resource than the one that MREG_PUBLIC_ORIGIN gives: something else answers there';
const isProblem = ({ body }: EndpointAnswer): string | undefined =>
  isObject(body) && typeof body['detail'] === 'string' ? undefined : 'is not a problem document of the app';
const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** A role that may not do it is let in all the same: 403 is an answer of the app's own. */
const endpoints: Readonly<Record<App, readonly Endpoint[]>> = {
  management: [
    { name: 'health', method: 'GET', path: '/health', wants: [200], judge: isUp },
    { name: 'sign-in', method: 'GET', path: '/servers?limit=1', wants: [401], judge: hasChallenge },
    { name: 'unknown path', method: 'GET', path: '/no/such/path', wants: [404], judge: isProblem },
    { name: 'servers', method: 'GET', path: '/servers?limit=1', needsToken: true, wants: [200, 403] },
    { name: 'agents', method: 'GET', path: '/agents', needsToken: true, wants: [200, 403] },
  ],
  mcp: [
    { name: 'health', method: 'GET', path: '/health', wants: [200], judge: isUp },
    {
      name: 'metadata',
      method: 'GET',
      path: '/.well-known/oauth-protected-resource/mcp',
      wants: [200],
      judge: isOurs,
    },
    { name: 'sign-in', method: 'POST', path: '/mcp', body: ping, wants: [401], judge: hasChallenge },
    { name: 'mcp', method: 'POST', path: '/mcp', body: ping, needsToken: true, wants: [200, 403] },
  ],
};

const WITHIN_MS = 4_000;

/** Calls the endpoints of an app as its clients do, all at once, and says which do not answer as they must. */
export async function lookAtEndpoints(
  app: App,
  { config, outbound }: Pick<SpecialistDeps, 'config' | 'outbound'>,
  { signal, traceId, token }: { signal: AbortSignal; traceId: string; token: string | undefined },
): Promise<EndpointsLook> {
  const origin = app === 'mcp' ? config.publicOrigin : config.managementOrigin;
  const own = endpoints[app].filter(({ needsToken }) => !needsToken || token !== undefined);
  const called = await Promise.all(
    own.map(async ({ name, method, path, body, needsToken, wants, judge }): Promise<Called> => {
      const answer = await callEndpoint(outbound, {
        method,
        url: origin + path,
        headers: tracedHeaders(traceId),
        signal: AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]),
        ...(body !== undefined && { body }),
        ...(needsToken && { token }),
      });
      if (!answer.ok) return { name, failure: { kind: answer.error.kind, message: answer.error.message } };
      const { status, durationMs } = answer.value;
      const wrong = wants.includes(status)
        ? judge?.(answer.value, config)
        : `is the status ${status}, not ${wants.join(' or ')}`;
      return { name, status, durationMs: Math.round(durationMs), ...(wrong !== undefined && { wrong }) };
    }),
  );
  return {
    facts: { app, endpoints: called, withToken: token !== undefined },
    findings: endpointFindings(app, called),
  };
}

const originSetting: Readonly<Record<App, string>> = {
  management: 'MREG_MANAGEMENT_ORIGIN',
  mcp: 'MREG_PUBLIC_ORIGIN',
};

/** An app of which no endpoint answers is one finding, not one for each. */
export function endpointFindings(app: App, called: readonly Called[]): readonly Finding[] {
  const failed = called.filter(({ failure }) => failure);
  const [first] = failed;
  if (first?.failure && failed.length === called.length) {
    const { kind, message } = first.failure;
    return [
      {
        rule: `${app}_app_${kind === 'timeout' ? 'hangs' : 'unreachable'}`,
        severity: 'critical',
        message: `the ${app} app cannot be reached at its address: ${message}`,
        evidence: { app, kind, tried: called.map(({ name }) => name), withinMs: WITHIN_MS },
        remedy: `Start the ${app} app; where it runs, compare ${originSetting[app]} with its address and look at the network between the apps.`,
      },
    ];
  }
  return called.flatMap(({ name, status, durationMs, failure, wrong }): Finding[] => {
    if (failure)
      return [
        {
          rule: failure.kind === 'timeout' ? 'endpoint_hangs' : 'endpoint_unreachable',
          severity: 'critical',
          message: `the endpoint "${name}" of the ${app} app gave no answer while others did: ${failure.message}`,
          evidence: { app, endpoint: name, kind: failure.kind, withinMs: WITHIN_MS },
          remedy: `Look at the log of the ${app} app for this route: a part that it stands on may hang.`,
        },
      ];
    if (wrong === undefined) return [];
    return [
      {
        rule: 'endpoint_answers_wrong',
        severity: 'critical',
        message: `the answer of the endpoint "${name}" of the ${app} app ${wrong}`,
        evidence: { app, endpoint: name, status, durationMs },
        remedy: `Look at the log of the ${app} app for this route, and at what stands between the apps (proxy, front door, another program at that port).`,
      },
    ];
  });
}

/** For tasks that look with a token if they can: what is not looked at without one. */
export const tokenNotKept = (what: string): Finding => ({
  rule: 'token_not_kept',
  severity: 'info',
  message: `${what} was not looked at: there is no session that keeps its token`,
  evidence: {},
  remedy: 'Open a session with {"keepToken": true} and give its id with the work.',
});
