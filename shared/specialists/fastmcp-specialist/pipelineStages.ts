import { HEADER_MISMATCH, PARSE_ERROR } from '../../gateway/protocol/errorCodes.ts';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { LATEST_LEGACY, LATEST_MODERN } from '../../gateway/protocol/versions.ts';
import { ownEnvelope } from '../../gateway/upstream/modern.ts';
import type { EndpointAnswer } from '../callEndpoint.ts';

/** One stage of the way of a request, and what it must answer to a probe that ends there. */
export interface Stage {
  readonly stage: 'reachable' | 'origin' | 'token' | 'permission' | 'body' | 'era' | 'catalogue';
  readonly probe: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Lies behind sign-in: walked with the token of the session alone. */
  readonly needsToken?: true;
  /** What is wanted, in words. */
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
    // A name that nobody can have (RFC 2606), so nobody can allow it by mistake.
    headers: { origin: 'https://pages.invalid' },
    body: message('ping', {}),
    wants: 'the status 403, before the token is looked at',
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

/** Behind sign-in. Whoever may have work delegated has the permission `mcp.use` too. */
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
    probe: 'a body that is no JSON',
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
    wants: `the version ${LATEST_MODERN} among those that are supported`,
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

/** The stages to walk, in their order: those behind sign-in with a token alone. */
export const stagesFor = (hasToken: boolean): readonly Stage[] =>
  hasToken ? [...open, ...behind.map((stage) => ({ ...stage, needsToken: true as const }))] : open;

/** One stage as it was walked. */
export interface Walked {
  readonly stage: string;
  readonly probe: string;
  readonly by: 'http' | 'in_process';
  readonly isRight: boolean;
  readonly durationMs: number;
  readonly status?: number;
  readonly failure?: string;
}

/** What to do where a stage does not answer as it must. */
export const remedies: Readonly<Record<Stage['stage'], string>> = {
  reachable: 'See that the mcp app runs at MREG_PUBLIC_ORIGIN; all other stages lie behind this one.',
  origin:
    'Compare MREG_ALLOWED_ORIGINS with what is wanted, and see that nothing before the app drops the header Origin.',
  token: 'The task authentication_failures of mcp-debugger names the reason under the trace of this work.',
  permission: 'See whether both apps run the same build: they differ in who may do what.',
  body: 'See whether something before the app rewrites or inspects bodies.',
  era: 'See whether something before the app drops the headers Mcp-Protocol-Version or Mcp-Method, or rewrites bodies.',
  catalogue: 'Look at the table servers and the short-lived state from the mcp app: mcp_server_health does.',
};
