import { META, metaOf } from '../protocol/envelope.ts';
import { HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcRequest, type Outcome } from '../protocol/jsonRpc.ts';
import { LATEST_MODERN, LEGACY_VERSIONS, MODERN_VERSIONS, newestModernIn } from '../protocol/versions.ts';
import { outcomeOf } from './answer.ts';
import { UnsuitableServer } from './fault.ts';
import { askModern, ownEnvelopeFor } from './modern.ts';
import { bounded, type Opening, type OpenServer, profileOf, resultOf } from './upstreamEra.ts';

/**
 * Opens a modern server and negotiates the newest revision that both sides know (2026-07-28, versioning, Negotiation).
 * `undefined` when the server answers `server/discover` as one of the legacy era does. `probeMs` limits that request.
 * @throws UpstreamFault for every other answer, and for none; UnsuitableServer for a modern server that refuses the gateway
 */
export async function openModern(
  { outbound, url, signal, capabilities }: Opening,
  probeMs: number,
): Promise<OpenServer | undefined> {
  let lastId = 0;
  let version = LATEST_MODERN;
  const send = async (method: string, params: JsonObject, withinMs?: number): Promise<Outcome> => {
    const request: JsonRpcRequest = {
      jsonrpc: '2.0',
      id: (lastId += 1),
      method,
      params: { ...params, _meta: ownEnvelopeFor(version, capabilities) },
    };
    return outcomeOf(await askModern(outbound, url, version, request, bounded(signal, withinMs)));
  };
  const discover = () => probe(() => send('server/discover', {}, probeMs));
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
}

type Probe =
  | { readonly kind: 'modern'; readonly version: string; readonly result: JsonObject }
  /** The server refused the revision and names another that the gateway knows. */
  | { readonly kind: 'other_version'; readonly version: string };

/** Judges the outcome of `server/discover`; `undefined` when the server is of the legacy era. */
async function probe(discover: () => Promise<Outcome>): Promise<Probe | undefined> {
  const outcome = await discover();
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

function requireLegacy(versions: readonly unknown[]): void {
  if (LEGACY_VERSIONS.some((version) => versions.includes(version))) return;
  throw new UnsuitableServer(
    `speaks no protocol version that the gateway knows (${[...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ')})`,
  );
}
