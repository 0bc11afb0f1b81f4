import { META, metaOf } from '../protocol/envelope.ts';
import { HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcRequest, type Outcome } from '../protocol/jsonRpc.ts';
import { LATEST_MODERN, LEGACY_VERSIONS, MODERN_VERSIONS, newestModernIn } from '../protocol/versions.ts';
import { outcomeOf } from './answer.ts';
import { UnsuitableServer, UpstreamFault } from './fault.ts';
import { askModern, ownEnvelopeFor } from './modern.ts';
import { bounded, type OpenEra, profileOf, resultOf } from './upstreamEra.ts';

/**
 * Opens a modern server and negotiates the newest revision that both sides know (2026-07-28, versioning, Negotiation).
 * `undefined` when the server is of the legacy era. No answer, a 401, a 403 and a 5xx decide no era and are thrown.
 */
export const openModern: OpenEra = async (outbound, url, signal, capabilities) => {
  let lastId = 0;
  let version = LATEST_MODERN;
  const send = async (method: string, params: JsonObject): Promise<Outcome> => {
    const request: JsonRpcRequest = {
      jsonrpc: '2.0',
      id: (lastId += 1),
      method,
      params: { ...params, _meta: ownEnvelopeFor(version, capabilities) },
    };
    return outcomeOf(await askModern(outbound, url, version, request, bounded(signal)));
  };
  const discover = () => probe(() => send('server/discover', {}));
  let found = await discover();
  if (found?.kind === 'other_version') {
    version = found.version;
    found = await discover();
  }
  if (found?.kind === 'other_version')
    throw new UnsuitableServer(`says that it speaks MCP ${version}, and refuses it`);
  if (found === undefined) return undefined;
  version = found.version;
  return {
    profile: profileOf(
      'modern',
      version,
      found.result,
      metaOf(found.result)[META.serverInfo] ?? found.result['serverInfo'],
    ),
    ask: async (method, params) => resultOf(method, await send(method, params)),
    endsWithEmptyCursor: false,
    close: () => Promise.resolve(),
  };
};

type Probe =
  | { readonly kind: 'modern'; readonly version: string; readonly result: JsonObject }
  /** The server refused the revision and names another that the gateway knows. */
  | { readonly kind: 'other_version'; readonly version: string };

/** Judges the outcome of `server/discover`; `undefined` when the server is of the legacy era. */
async function probe(discover: () => Promise<Outcome>): Promise<Probe | undefined> {
  let outcome: Outcome;
  try {
    outcome = await discover();
  } catch (error) {
    // Legacy servers answer an unknown method with a 4xx without a modern error, or with something that is not MCP.
    if (error instanceof UpstreamFault && (error.kind === 'not_mcp' || isClientError(error)))
      return undefined;
    throw error;
  }
  if ('result' in outcome) {
    const { supportedVersions } = outcome.result;
    if (!Array.isArray(supportedVersions)) return undefined;
    const version = newestModernIn(supportedVersions);
    if (version !== undefined) return { kind: 'modern', version, result: outcome.result };
    requireLegacy(supportedVersions);
    return undefined;
  }
  const { code, data } = outcome.error;
  if (code === UNSUPPORTED_VERSION && isObject(data) && Array.isArray(data['supported'])) {
    const version = newestModernIn(data['supported']);
    if (version !== undefined) return { kind: 'other_version', version };
    requireLegacy(data['supported']);
    return undefined;
  }
  if (code === HEADER_MISMATCH || code === MISSING_CLIENT_CAPABILITY) {
    throw new UnsuitableServer(
      `speaks MCP ${LATEST_MODERN}, but refused server/discover with the error ${code}`,
    );
  }
  return undefined;
}

const isClientError = ({ kind, status = 0 }: UpstreamFault): boolean =>
  kind === 'http_status' && status >= 400 && status < 500;

function requireLegacy(versions: readonly unknown[]): void {
  if (versions.some((version) => LEGACY_VERSIONS.includes(String(version)))) return;
  throw new UnsuitableServer(
    `speaks no protocol version that the gateway knows (${[...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ')})`,
  );
}
