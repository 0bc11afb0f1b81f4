import { HEADER_MISMATCH, PARSE_ERROR } from '../../gateway/protocol/errorCodes.ts';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { LATEST_LEGACY, LATEST_MODERN } from '../../gateway/protocol/versions.ts';
import { ownEnvelope } from '../../gateway/upstream/modern.ts';
import type { EndpointAnswer } from '../callEndpoint.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';

/** One stage of the request pipeline, a probe that ends there, and the answer that it must give. */
export interface Stage {
  readonly stage: 'reachable' | 'origin' | 'token' | 'permission' | 'body' | 'era' | 'catalogue';
  readonly probe: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A stage behind sign-in: tested only with the token of the session. */
  readonly needsToken?: true;
  /** The expected answer, as text. */
  readonly wants: string;
  readonly isRight: (answer: EndpointAnswer) => boolean;
}

const message = (method: string, params: JsonObject) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const modernHeaders = (method: string) => ({
  'mcp-protocol-version': LATEST_MODERN,
  'mcp-method': method,
});
export const modernMessage = (method: string): string => message(method, { _meta: ownEnvelope });

const resultOf = ({ body }: EndpointAnswer): JsonObject =>
  isObject(body) && isObject(body['result']) ? body['result'] : {};
const codeOf = ({ body }: EndpointAnswer): unknown =>
  isObject(body) && isObject(body['error']) ? body['error']['code'] : undefined;

const post = { method: 'POST', path: '/mcp' } as const;

/** Before sign-in, in the order in which a request passes them. */
const open: readonly Stage[] = [
  {
    stage: 'reachable',
    probe: 'health',
    method: 'GET',
    path: '/health',
    wants: 'the status 200',
    isRight: ({ status }) => status === 200,
  },
  {
    ...post,
    stage: 'origin',
    probe: 'a page of another origin',
    // A reserved name (RFC 2606), so no setting allows it by mistake.
    headers: { origin: 'https://pages.invalid' },
    body: message('ping', {}),
    wants: 'the status 403, before the token is checked',
    isRight: ({ status }) => status === 403,
  },
  {
    ...post,
    stage: 'token',
    probe: 'no token',
    body: message('ping', {}),
    wants: 'the status 401',
    isRight: ({ status }) => status === 401,
  },
];

/** Behind sign-in. Every role that may delegate work also has the permission `mcp.use`. */
const behind: readonly Stage[] = [
  {
    ...post,
    stage: 'permission',
    probe: 'ping',
    body: message('ping', {}),
    wants: 'an empty result',
    isRight: (answer) => answer.status === 200 && codeOf(answer) === undefined,
  },
  {
    ...post,
    stage: 'body',
    probe: 'a body that is not JSON',
    body: '{',
    wants: `the status 400 and the error ${PARSE_ERROR}`,
    isRight: (answer) => answer.status === 400 && codeOf(answer) === PARSE_ERROR,
  },
  {
    ...post,
    stage: 'era',
    probe: `initialize of ${LATEST_LEGACY}`,
    body: message('initialize', {
      protocolVersion: LATEST_LEGACY,
      capabilities: {},
      clientInfo: { name: 'fastmcp-specialist', version: '1' },
    }),
    wants: `the version ${LATEST_LEGACY}`,
    isRight: (answer) => resultOf(answer)['protocolVersion'] === LATEST_LEGACY,
  },
  {
    ...post,
    stage: 'era',
    probe: `server/discover of ${LATEST_MODERN}`,
    headers: modernHeaders('server/discover'),
    body: modernMessage('server/discover'),
    wants: `the version ${LATEST_MODERN} among the supported versions`,
    isRight: (answer) => {
      const { supportedVersions } = resultOf(answer);
      return Array.isArray(supportedVersions) && supportedVersions.includes(LATEST_MODERN);
    },
  },
  {
    ...post,
    stage: 'era',
    probe: 'headers that differ from the body',
    headers: modernHeaders('tools/list'),
    body: modernMessage('server/discover'),
    wants: `the status 400 and the error ${HEADER_MISMATCH}`,
    isRight: (answer) => answer.status === 400 && codeOf(answer) === HEADER_MISMATCH,
  },
  {
    ...post,
    stage: 'catalogue',
    probe: 'tools/list',
    headers: modernHeaders('tools/list'),
    body: modernMessage('tools/list'),
    wants: 'a list of tools',
    isRight: (answer) => Array.isArray(resultOf(answer)['tools']),
  },
];

/** Returns the stages to test, in their order; without a token, only those before sign-in. */
export const stagesFor = (hasToken: boolean): readonly Stage[] =>
  hasToken ? [...open, ...behind.map((stage) => ({ ...stage, needsToken: true as const }))] : open;

/** The outcome of one probe. */
export interface Walked {
  readonly stage: Stage['stage'];
  readonly probe: string;
  readonly by: 'http' | 'in_process';
  readonly isRight: boolean;
  readonly durationMs: number;
  readonly status?: number;
  readonly failure?: string;
}

interface StageFailure {
  readonly message: string;
  readonly evidence: Finding['evidence'];
}
const stageRule =
  (remedy: string) =>
  ({ message, evidence }: StageFailure): RuleText => ({ severity: 'critical', message, evidence, remedy });

const finding = defineFindings({
  stage_reachable: stageRule(
    'Check that the mcp app runs at MREG_PUBLIC_ORIGIN. All other stages come after this one.',
  ),
  stage_origin: stageRule(
    'Check MREG_ALLOWED_ORIGINS, and check that no proxy in front of the app drops the header Origin.',
  ),
  stage_token: stageRule(
    'Run the task authentication_failures of mcp-debugger: it names the reason, under the trace of this task.',
  ),
  stage_permission: stageRule('Check whether both apps run the same build: they disagree about permissions.'),
  stage_body: stageRule('Check whether a proxy in front of the app rewrites or inspects bodies.'),
  stage_era: stageRule(
    'Check whether a proxy in front of the app drops the headers Mcp-Protocol-Version or Mcp-Method, or rewrites bodies.',
  ),
  stage_catalogue: stageRule(
    'Run mcp_server_health: it checks the table servers and the short-lived state from the mcp app.',
  ),
});

/** Returns the finding of a stage that does not answer correctly. */
export const stageFailed = (stage: Stage['stage'], message: string, evidence: Finding['evidence']): Finding =>
  finding(`stage_${stage}`, { message, evidence });
