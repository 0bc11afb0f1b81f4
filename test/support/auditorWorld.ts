import type { IncomingMessage, ServerResponse } from 'node:http';
import { openAudit } from '../../shared/audit/journal/audit.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import type { Role } from '../../shared/identity/access/actor.ts';
import { tokenSettingsOf } from '../../shared/identity/tokens/tokenFacts.ts';
import { createTokenVerifier, type TokenVerifier } from '../../shared/identity/tokens/verifyToken.ts';
import type { Outcome } from '../../shared/orchestration/model/delegation.ts';
import type { Task, TaskHelpers } from '../../shared/orchestration/tasks/task.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { readConfig } from '../../shared/platform/config/readConfig.ts';
import { openOutboundClient, type OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import { azureTableToolsetStore } from '../../shared/registry/toolsets/azureTableToolsetStore.ts';
import type { SpecialistDeps } from '../../shared/specialists/deps.ts';
import { auditorTasks } from '../../shared/specialists/mcp-security-auditor/tasks.ts';
import { testSealingKey } from './config.ts';
import { testEngine } from './engine.ts';
import { recordingLog } from './gateway.ts';
import { gatewayClaims, signAsGateway, testGatewayKey } from './gatewayTokens.ts';
import { newKey, sign, type SigningKey } from './jwks.ts';
import { memoryTables } from './memoryTables.ts';
import { memoryTrail, type OpenTrail } from './memoryTrail.ts';
import { serve } from './serve.ts';

export const tenant = '11111111-1111-4111-8111-111111111111';
export const audience = 'c0ffee00-0000-4000-8000-000000000001';
const user = '44444444-4444-4444-8444-444444444444';

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

/** An issuer and both apps in one server, as sound ones answer, and what the auditor stands on, in memory. */
export interface AuditorWorld {
  readonly origin: string;
  /** Answers in place of the sound one, by path or by method and path. */
  readonly replies: Map<string, Reply>;
  readonly deps: SpecialistDeps;
  readonly trail: OpenTrail;
  /** A token of the issuer for somebody with this role. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A token of the gateway's own for an Admin, for this resource. */
  gatewayToken(audience: string): Promise<string>;
  run(task: string, given?: Given): Promise<Ran>;
  close(): Promise<void>;
}

export interface Given {
  readonly input?: object;
  readonly token?: string;
  readonly roles?: readonly Role[];
  readonly deps?: Partial<SpecialistDeps>;
}

export interface Ran {
  readonly passed?: boolean;
  readonly status?: string;
  readonly findings: readonly {
    rule: string;
    severity: string;
    message: string;
    evidence: Record<string, unknown>;
  }[];
  readonly [field: string]: unknown;
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

export async function auditorWorld(): Promise<AuditorWorld> {
  const key = await newKey('published');
  const replies = new Map<string, Reply>();
  let origin = '';
  let verify: TokenVerifier = () => Promise.resolve({ refusal: 'missing' });
  const served = await serve((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    const given = replies.get(`${request.method ?? ''} ${path}`) ?? replies.get(path);
    if (given) given(request, response);
    else void soundAnswer(path, request, response, { origin, key, verify });
  });
  origin = new URL(served.url).origin;
  const outbound: OutboundClient = openOutboundClient('private_allowed');
  const config: Config = readConfig({
    MREG_APP: 'mcp',
    MREG_TABLES: 'UseDevelopmentStorage=true',
    MREG_SERVICE_BUS: 'Endpoint=sb://localhost;UseDevelopmentEmulator=true',
    MREG_API_CLIENT_ID: audience,
    MREG_SEALING_KEYS: testSealingKey,
    MREG_TENANTS: tenant,
    MREG_SIGN_IN_CLIENT_ID: user,
    MREG_PUBLIC_ORIGIN: origin,
    MREG_MANAGEMENT_ORIGIN: origin,
    MREG_LOCAL_ISSUER: origin,
    MREG_PRIVATE_UPSTREAMS: 'allowed',
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
  });
  const clock = { now: () => new Date() };
  const engine = testEngine();
  const trail = memoryTrail();
  const log = recordingLog();
  const state = engine.deps.shortLived;
  verify = createTokenVerifier(tokenSettingsOf(config, origin), { outbound, clock });
  const stores = { servers: engine.deps.servers, state, newId: randomId, operatorTenant: tenant };
  const deps: SpecialistDeps = {
    ...engine.deps,
    clock,
    log,
    newId: randomId,
    config,
    operatorTenant: tenant,
    authority: origin,
    outbound,
    outboundTo: createOutboundTo(outbound, engine.deps.credentials, engine.deps.seal),
    noteHealth: () => undefined,
    audit: openAudit({ store: trail.store, clock, newId: randomId, log }),
    trail: trail.store,
    state: { kind: 'tables', state, durable: state, purge: () => Promise.resolve(0), close: () => undefined },
    toolsets: azureTableToolsetStore(memoryTables()),
    visibleServers: createVisibleServers(stores),
    verifyToken: verify,
    openTable: memoryTables(),
    listTables: () => Promise.reject(new Error('the auditor lists no tables')),
    askQueues: () => Promise.reject(new Error('the auditor asks no queues')),
    openTableProbe: () => {
      throw new Error('the auditor measures no tables');
    },
  };
  return {
    origin,
    replies,
    deps,
    trail,
    token: (claims = {}) => sign({ ...claimsFor(origin), ...claims }, key),
    gatewayToken: (resource) =>
      signAsGateway(
        gatewayClaims({ issuer: origin, audience: resource, tenant, user, now: clock.now() }),
        testGatewayKey(origin),
      ),
    async run(name, { input = {}, token, roles, deps: more = {} }: Given = {}) {
      const task = auditorTasks({ ...deps, ...more }).find((one: Task) => one.name === name);
      const outcome: Outcome | undefined = await task?.execute(
        input,
        helpersOf(token, roles ?? ['Admin'], deps),
      );
      if (!outcome?.success) throw new Error(outcome?.error.message ?? 'no such task');
      return outcome.result as Ran;
    },
    async close() {
      await served.close();
      await outbound.close();
    },
  };
}

function helpersOf(
  token: string | undefined,
  roles: readonly Role[],
  { clock, log }: Pick<SpecialistDeps, 'clock' | 'log'>,
): TaskHelpers {
  const actor = {
    tenantId: tenant,
    userId: user,
    kind: 'user',
    clientId: 'cli',
    roles,
    expiresAt: Date.now() + 60_000,
  } as const;
  return {
    tenantId: tenant,
    delegationId: 'd0',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    signal: new AbortController().signal,
    deadline: new Date(Date.now() + 60_000),
    log,
    clock,
    actor: token === undefined ? undefined : actor,
    token: () => Promise.resolve(token),
    progress: () => undefined,
  };
}

const seconds = () => Math.floor(Date.now() / 1_000);
const claimsFor = (origin: string) => ({
  aud: audience,
  iss: `${origin}/${tenant}/v2.0`,
  iat: seconds() - 60,
  nbf: seconds() - 60,
  exp: seconds() + 3_600,
  oid: user,
  roles: ['Gateway.Admin'],
  scp: 'mcp.access',
  tid: tenant,
  ver: '2.0',
});

interface Sound {
  readonly origin: string;
  readonly key: SigningKey;
  readonly verify: TokenVerifier;
}

async function soundAnswer(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  { origin, key, verify }: Sound,
): Promise<void> {
  const issuer = `${origin}/${tenant}/v2.0`;
  const scope = `${origin}/mcp/mcp.access`;
  const documents: Readonly<Record<string, object>> = {
    [`/${tenant}/v2.0/.well-known/openid-configuration`]: {
      issuer,
      jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
    },
    [`/${tenant}/discovery/v2.0/keys`]: { keys: [{ ...key.jwk, issuer: `${origin}/{tenantid}/v2.0` }] },
    '/.well-known/oauth-protected-resource/mcp': {
      resource: `${origin}/mcp`,
      authorization_servers: [issuer],
      scopes_supported: [scope],
    },
  };
  const document = documents[path];
  if (document) {
    json(200, document)(request, response);
    return;
  }
  const verdict = await verify(request.headers.authorization ?? null, origin + path);
  if ('refusal' in verdict) {
    const error = verdict.refusal === 'missing' ? '' : 'error="invalid_token", ';
    const metadata = `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`;
    json(401, {}, { 'www-authenticate': `Bearer ${metadata}, ${error}scope="${scope}"` })(request, response);
  } else if (path === '/mcp')
    json(200, { jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-11-25' } })(request, response);
  else json(path.split('/').length > 2 ? 404 : 200, { items: [] })(request, response);
}
