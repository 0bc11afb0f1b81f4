import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import type { Forgery } from './forgeTokens.ts';
import { tracedHeaders } from '../tracedHeaders.ts';

type HttpDeps = Pick<SpecialistDeps, 'config' | 'outbound'>;

const HTTP_WITHIN_MS = 10_000;

export const OUT_OF_SERVICE =
  'Take the app out of service until shared/identity/tokens/verifyToken.ts refuses such a token again.';

interface Attempt {
  readonly app: 'mcp' | 'management';
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly forgery: Forgery;
}

/** Few: the apps take many refusals within a minute for an attack, as they should. */
export function overHttpOf(forgeries: readonly Forgery[], { config }: HttpDeps): readonly Attempt[] {
  const [, unsigned, otherKey] = forgeries;
  return [unsigned, otherKey].flatMap((forgery, index): Attempt[] =>
    forgery
      ? [
          { app: 'mcp', method: 'POST', url: `${config.publicOrigin}/mcp`, forgery },
          ...(index === 0
            ? [
                {
                  app: 'management',
                  method: 'GET',
                  url: `${config.managementOrigin}/servers`,
                  forgery,
                } as const,
              ]
            : []),
        ]
      : [],
  );
}

export async function send(
  { app, url, method, forgery: { kind, token } }: Attempt,
  { signal, traceId }: TaskHelpers,
  { outbound }: HttpDeps,
): Promise<Finding[]> {
  const called = await callEndpoint(outbound, {
    method,
    url,
    token,
    headers: tracedHeaders(traceId),
    ...(method === 'POST' && { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_WITHIN_MS)]),
  });
  const say = (rule: string, message: string, evidence: object, remedy: string): Finding[] => [
    { rule, severity: 'critical', message, evidence: { app, kind, ...evidence }, remedy },
  ];
  if (!called.ok)
    return say(
      'app_unreachable',
      `the ${app} app was not asked over HTTP: ${called.error.message}`,
      { reason: called.error.kind },
      'Check that the app runs and that its origin in the settings is the one where it answers.',
    );
  const { status, headers } = called.value;
  if (status !== 401)
    return say(
      'forgery_not_refused',
      `the ${app} app answers a token that is ${kind} with ${status} instead of 401`,
      { status },
      status < 400 ? OUT_OF_SERVICE : 'Look into the log of the app under the trace of this delegation.',
    );
  const challenge = String(headers['www-authenticate'] ?? '');
  if (challenge.startsWith('Bearer ') && challenge.includes('error="invalid_token"')) return [];
  return say(
    'challenge_missing',
    `the ${app} app refuses a token that is ${kind} without telling the client so (RFC 6750, section 3)`,
    { status },
    'Look at what stands between the app and its clients: something takes the header WWW-Authenticate away.',
  );
}
