import { isObject } from '../gateway/protocol/jsonRpc.ts';
import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import type { App, Config } from '../platform/config/config.ts';
import {
  callEndpoint,
  type EndpointAnswer,
  resourceOfApp,
  sessionToken,
  tokenFor,
  tracedHeaders,
} from './callEndpoint.ts';
import { checkStores } from './checkStores.ts';
import type { SpecialistDeps } from './deps.ts';
import { defineFindings, type Finding } from './finding.ts';
import type { Inspection } from './inspection.ts';

/** An endpoint of an app, and its answer when all is well. */
interface Endpoint {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** Called with the token of the session, and not called without one. */
  readonly needsToken?: true;
  readonly wants: readonly number[];
  /** Says what is wrong with an answer of a wanted status; undefined if nothing is. */
  readonly judge?: (answer: EndpointAnswer, config: Config) => string | undefined;
}

/** The outcome of one call. */
interface Called {
  readonly name: string;
  readonly status?: number;
  readonly durationMs?: number;
  /** Why there was no answer. */
  readonly failure?: { readonly kind: string; readonly message: string };
  readonly wrong?: string;
}

const isUp = ({ body }: EndpointAnswer): string | undefined =>
  isObject(body) && body['status'] === 'up' ? undefined : 'does not say that the app is up';
const hasChallenge = ({ headers }: EndpointAnswer): string | undefined =>
  String(headers['www-authenticate'] ?? '').startsWith('Bearer ') ? undefined : 'has no Bearer challenge';
const isOurs = ({ body }: EndpointAnswer, { publicOrigin }: Config): string | undefined =>
  isObject(body) && body['resource'] === `${publicOrigin}/mcp`
    ? undefined
    : 'names another resource than MREG_PUBLIC_ORIGIN does: another program answers there';
const isProblem = ({ body }: EndpointAnswer): string | undefined =>
  isObject(body) && typeof body['detail'] === 'string' ? undefined : 'is not a problem document of the app';
const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** A 403 counts as well: the app itself answered, and the role of the caller may not do it. */
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

const originSetting: Readonly<Record<App, string>> = {
  management: 'MREG_MANAGEMENT_ORIGIN',
  mcp: 'MREG_PUBLIC_ORIGIN',
};

interface SilentApp {
  readonly app: App;
  readonly kind: string;
  readonly message: string;
  readonly tried: readonly string[];
}
const appSilent = ({ app, kind, message, tried }: SilentApp) => ({
  variant: app,
  severity: 'critical' as const,
  message: `the ${app} app cannot be reached at its address: ${message}`,
  evidence: { app, kind, tried, withinMs: WITHIN_MS },
  remedy: `Start the ${app} app. If it runs, compare ${originSetting[app]} with its address and check the network between the apps.`,
});

interface SilentEndpoint {
  readonly app: App;
  readonly endpoint: string;
  readonly kind: string;
  readonly message: string;
}
const endpointSilent = ({ app, endpoint, kind, message }: SilentEndpoint) => ({
  severity: 'critical' as const,
  message: `the endpoint "${endpoint}" of the ${app} app gave no answer while others did: ${message}`,
  evidence: { app, endpoint, kind, withinMs: WITHIN_MS },
  remedy: `Read the log of the ${app} app for this route: a part that the route uses may hang.`,
});

const finding = defineFindings({
  '*_app_hangs': appSilent,
  '*_app_unreachable': appSilent,
  endpoint_hangs: endpointSilent,
  endpoint_unreachable: endpointSilent,
  endpoint_answers_wrong: ({
    wrong,
    ...evidence
  }: {
    app: App;
    endpoint: string;
    status: number | undefined;
    durationMs: number | undefined;
    wrong: string;
  }) => ({
    severity: 'critical',
    message: `the answer of the endpoint "${evidence.endpoint}" of the ${evidence.app} app ${wrong}`,
    evidence,
    remedy: `Read the log of the ${evidence.app} app for this route, and check what is between the apps (proxy, front door, another program at that port).`,
  }),
  token_not_kept: ({ what }: { what: string }) => ({
    severity: 'info',
    message: `${what} was not checked: the session keeps no token for it`,
    evidence: {},
    remedy:
      'Open a session with {"keepToken": true} and send its id with the request. A token of the gateway itself is for one endpoint: use one of Entra.',
  }),
});

/** For tasks that use a token if there is one: says what was not checked without it. */
export const tokenNotKept = (what: string): Finding => finding('token_not_kept', { what });

/** Calls the endpoints of an app as its clients do, all at once, and says which of them do not answer as they must. */
export async function checkEndpoints(
  app: App,
  { config, outbound }: Pick<SpecialistDeps, 'config' | 'outbound'>,
  { signal, traceId, token }: { signal: AbortSignal; traceId: string; token: string | undefined },
): Promise<Inspection> {
  const origin = app === 'mcp' ? config.publicOrigin : config.managementOrigin;
  const usable = tokenFor(resourceOfApp(app, config), token, config);
  const own = endpoints[app].filter(({ needsToken }) => !needsToken || usable !== undefined);
  const called = await Promise.all(
    own.map(async ({ name, method, path, body, needsToken, wants, judge }): Promise<Called> => {
      const answer = await callEndpoint(outbound, {
        method,
        url: origin + path,
        headers: tracedHeaders(traceId),
        signal: AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]),
        ...(body !== undefined && { body }),
        ...(needsToken && { token: usable }),
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
    facts: { app, endpoints: called, withToken: usable !== undefined },
    findings: endpointFindings(app, called),
  };
}

/** Returns one finding for an app of which no endpoint answers, else one for each endpoint. */
function endpointFindings(app: App, called: readonly Called[]): readonly Finding[] {
  const failed = called.filter(({ failure }) => failure);
  const [first] = failed;
  if (first?.failure && failed.length === called.length) {
    const rule = first.failure.kind === 'timeout' ? '*_app_hangs' : '*_app_unreachable';
    return [finding(rule, { app, ...first.failure, tried: called.map(({ name }) => name) })];
  }
  return called.flatMap(({ name: endpoint, status, durationMs, failure, wrong }): Finding[] => {
    if (failure) {
      const rule = failure.kind === 'timeout' ? 'endpoint_hangs' : 'endpoint_unreachable';
      return [finding(rule, { app, endpoint, ...failure })];
    }
    if (wrong === undefined) return [];
    return [finding('endpoint_answers_wrong', { app, endpoint, status, durationMs, wrong })];
  });
}

/** Checks an app by itself: its endpoints, and the stores as seen from this app. Must run in that app. */
export async function checkApp(app: App, deps: SpecialistDeps, helpers: TaskHelpers): Promise<Inspection> {
  const { signal, traceId } = helpers;
  const token = await sessionToken(helpers);
  const [stores, called] = await Promise.all([
    checkStores(deps, signal),
    checkEndpoints(app, deps, { signal, traceId, token }),
  ]);
  return {
    facts: { endpoints: called.facts, stores: stores.facts },
    findings: [...stores.findings, ...called.findings],
  };
}
