import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import type { ClientEra } from './clientEra.ts';
import { type Envelope, META, metaOf, readEnvelope, wrongEnvelopeField } from './envelope.ts';
import { HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, UNSUPPORTED_VERSION } from './errorCodes.ts';
import {
  type JsonRpcError,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type Outcome,
  readMessage,
  type RequestId,
} from './jsonRpc.ts';
import { legacyClient } from './legacyClient.ts';
import { modernClient } from './modernClient.ts';
import { decodeHeaderValue, NAMED_BY } from './parameterHeaders.ts';
import { LEGACY_VERSIONS, MODERN_VERSIONS, SUPPORTED_VERSIONS } from './versions.ts';

/** The content of one POST. A notification and a response get no answer. */
export type Inbound =
  | {
      readonly kind: 'request';
      readonly client: ClientEra;
      readonly message: JsonRpcRequest;
      /** Absent in the legacy era, whose clients describe themselves once for a session. */
      readonly envelope?: Envelope;
    }
  | { readonly kind: 'notification'; readonly client: ClientEra; readonly message: JsonRpcNotification }
  /** The answer of a legacy client to a server request. */
  | { readonly kind: 'response'; readonly id: RequestId | null; readonly outcome: Outcome }
  | Refused;
export type InboundRequest = Extract<Inbound, { kind: 'request' }>;
export interface Refused {
  readonly kind: 'refused';
  readonly status: 400;
  readonly id: RequestId | null;
  readonly error: JsonRpcError;
}

/**
 * Decides for one POST which era it belongs to, and rejects what neither era allows. The body decides: a version in `_meta` is
 * modern, everything else is legacy. Headers are only checked against the body (2026-07-28, versioning and transports, Server
 * Validation; 2025-11-25, transports, Protocol Version Header). A legacy request without the header counts as 2025-03-26.
 * Does no I/O and never throws.
 */
export function classify(headers: Headers, message: unknown): Inbound {
  if (Array.isArray(message)) {
    return refuse(
      null,
      INVALID_REQUEST,
      'Batches are not supported: send each message in a POST of its own.',
    );
  }
  const unsafe = unsafeShape(message, MESSAGE_BOUNDS);
  if (unsafe !== undefined) return refuse(null, INVALID_REQUEST, `The message ${unsafe}.`);
  const read = readMessage(message);
  switch (read.kind) {
    case 'malformed':
      return refuse(read.id, INVALID_REQUEST, `Not a JSON-RPC 2.0 message: ${read.problem}.`);
    case 'response':
      return namesModern(headers)
        ? refuse(
            null,
            INVALID_REQUEST,
            `${headers.get(VERSION) ?? ''} has no requests from server to client.`,
          )
        : read;
    case 'notification':
      return classifyNotification(headers, read.notification);
    case 'request':
      return classifyRequest(headers, read.request);
  }
}

const VERSION = 'mcp-protocol-version';
const namesModern = (headers: Headers): boolean => MODERN_VERSIONS.includes(headers.get(VERSION) ?? '');

function classifyRequest(headers: Headers, message: JsonRpcRequest): Inbound {
  const meta = metaOf(message.params);
  const claimed = meta[META.protocolVersion];
  // `initialize` is the handshake of the legacy era. Clients that bridge eras may leave a version in its `_meta`.
  const handshake =
    message.method === 'initialize' && !MODERN_VERSIONS.some((version) => version === claimed);
  if (claimed === undefined || handshake) return classifyLegacy(headers, message);
  const { id } = message;
  const wrong = wrongEnvelopeField(meta);
  if (wrong !== undefined)
    return refuse(id, INVALID_PARAMS, `params._meta["${wrong.key}"] ${wrong.problem}.`);
  const version = typeof claimed === 'string' ? claimed : '';
  const mismatch =
    mismatchedHeader(
      headers,
      VERSION,
      'MCP-Protocol-Version',
      `params._meta["${META.protocolVersion}"]`,
      version,
    ) ?? (MODERN_VERSIONS.includes(version) ? mismatchedStandardHeader(headers, message) : undefined);
  if (mismatch !== undefined) return refuse(id, HEADER_MISMATCH, mismatch);
  if (!MODERN_VERSIONS.includes(version)) return refuseVersion(id, version);
  return { kind: 'request', client: modernClient, message, envelope: readEnvelope(meta) };
}

function classifyLegacy(headers: Headers, message: JsonRpcRequest): Inbound {
  const version = headers.get(VERSION);
  if (version !== null && MODERN_VERSIONS.includes(version)) {
    if (message.method === 'initialize') {
      return refuse(
        message.id,
        HEADER_MISMATCH,
        `The header MCP-Protocol-Version names ${version}, which has no initialize: leave the header out or call server/discover.`,
      );
    }
    return refuse(
      message.id,
      INVALID_PARAMS,
      `The header MCP-Protocol-Version names ${version}, but params._meta["${META.protocolVersion}"] and params._meta["${META.clientCapabilities}"] are missing.`,
    );
  }
  if (version !== null && !LEGACY_VERSIONS.includes(version)) return refuseVersion(message.id, version);
  return { kind: 'request', client: legacyClient, message };
}

function classifyNotification(headers: Headers, message: JsonRpcNotification): Inbound {
  const { method, params } = message;
  const claimed = metaOf(params)[META.protocolVersion];
  const named = headers.get(VERSION);
  const version = typeof claimed === 'string' ? claimed : named;
  if (typeof claimed === 'string' && named !== null && named !== claimed) {
    return refuse(
      null,
      HEADER_MISMATCH,
      `The header MCP-Protocol-Version differs from params._meta["${META.protocolVersion}"].`,
    );
  }
  if (version !== null && !SUPPORTED_VERSIONS.includes(version)) return refuseVersion(null, version);
  const namedMethod = headers.get('mcp-method');
  const isModern = MODERN_VERSIONS.includes(version ?? '');
  if (isModern && namedMethod !== null && namedMethod !== method) {
    return refuse(null, HEADER_MISMATCH, 'The header Mcp-Method differs from the method in the body.');
  }
  return { kind: 'notification', client: isModern ? modernClient : legacyClient, message };
}

function mismatchedStandardHeader(headers: Headers, { method, params }: JsonRpcRequest): string | undefined {
  const mismatch = mismatchedHeader(headers, 'mcp-method', 'Mcp-Method', 'the method in the body', method);
  const field = NAMED_BY.get(method);
  const name = field === undefined ? undefined : params?.[field];
  if (mismatch !== undefined || field === undefined || typeof name !== 'string') return mismatch;
  return mismatchedHeader(headers, 'mcp-name', 'Mcp-Name', `params.${field}`, name, decodeHeaderValue);
}

/** A header that was sent twice is joined by a comma here, so it never matches. */
function mismatchedHeader(
  headers: Headers,
  key: string,
  title: string,
  source: string,
  expected: string,
  decode: (value: string) => string | undefined = (value) => value,
): string | undefined {
  const sent = headers.get(key);
  if (sent === null) return `The header ${title} is missing: it must repeat ${source}.`;
  return decode(sent) === expected ? undefined : `The header ${title} differs from ${source}.`;
}

function refuse(id: RequestId | null, code: number, message: string, data?: unknown): Refused {
  return {
    kind: 'refused',
    status: 400,
    id,
    error: { code, message, ...(data !== undefined && { data }) },
  };
}

function refuseVersion(id: RequestId | null, requested: string): Refused {
  return refuse(
    id,
    UNSUPPORTED_VERSION,
    `Unsupported protocol version: this gateway speaks ${SUPPORTED_VERSIONS.join(', ')}.`,
    {
      supported: SUPPORTED_VERSIONS,
      requested,
    },
  );
}
