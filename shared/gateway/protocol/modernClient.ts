import { type ClientEra, pageInWords, replaceHopError } from './clientEra.ts';
import { allowsServerRequests, boundedFeatures, hasFeature } from './clientFeatures.ts';
import { GATEWAY_INFO, META, metaOf, stripReserved, withoutTasks } from './envelope.ts';
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  METHOD_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
} from './errorCodes.ts';
import { isCacheable, NOT_FRESH } from './freshness.ts';
import type { JsonObject, JsonRpcError } from './jsonRpc.ts';
import { askForPages } from './pagesToOpen.ts';
import { mismatchedParameter, parameterHeaders } from './parameterHeaders.ts';

/** Clients of 2026-07-28 and later. */
export const modernClient: ClientEra = {
  era: 'modern',
  hasSessions: false,
  ownResult: completeResult,
  cacheHints: (freshness) => freshness,
  errorStatus: (code) => statuses.get(code) ?? 200,
  resourceNotFound: INVALID_PARAMS,
  // 2026-07-28 has no field `execution`.
  showTool: ({ execution: _execution, ...tool }) => tool,
  // A legacy server asks within a call, and a modern client answers with another call.
  carries: { legacy: boundedFeatures, modern: withoutTasks },
  translate: {
    legacy: (outcome, method) =>
      'error' in outcome
        ? { error: modernError(outcome.error) }
        : {
            result: completeResult({
              ...(isCacheable(method, {}) && NOT_FRESH),
              ...stripReserved(outcome.result),
              resultType: 'complete',
            }),
          },
    modern: (outcome, method) => {
      if ('error' in outcome) return { error: replaceHopError(outcome.error) ?? outcome.error };
      const result = sameEra(outcome.result, method);
      return result === outcome.result ? outcome : { result };
    },
  },
  askToOpen(page, method, capabilities) {
    const canOpen = allowsServerRequests(method) && hasFeature(capabilities, 'elicitation.url');
    const { url, message } = page;
    const outcome = canOpen ? { result: askForPages([{ url, message }]) } : pageInWords(page, method);
    return 'error' in outcome ? outcome : { result: completeResult(outcome.result) };
  },
  headerMismatch: (tool, args, headers) =>
    mismatchedParameter(parameterHeaders(tool['inputSchema']) ?? [], args, headers),
};

/** 2026-07-28, basic, Per-request protocol fields; transports, Protocol Version Header. */
const statuses: ReadonlyMap<number, number> = new Map([
  [MISSING_CLIENT_CAPABILITY, 400],
  [METHOD_NOT_FOUND, 404],
]);

/** Adds the fields of every modern result: its type, and the gateway's name unless the result names another server. */
function completeResult(result: JsonObject): JsonObject {
  return {
    resultType: 'complete',
    ...result,
    _meta: { [META.serverInfo]: GATEWAY_INFO, ...metaOf(result) },
  };
}

/** Returns the result of a modern server, with the fields that it must have and does not. All others stay in their order. */
function sameEra(result: JsonObject, method: string): JsonObject {
  const typed = 'resultType' in result ? result : { ...result, resultType: 'complete' };
  if (!isCacheable(method, result)) return typed;
  const { ttlMs, cacheScope } = NOT_FRESH;
  // A server shows each caller its own result, so the gateway never marks one as public.
  return { ...typed, ...(!('ttlMs' in result) && { ttlMs }), cacheScope };
}

function modernError(error: JsonRpcError): JsonRpcError {
  if (error.code === LEGACY_RESOURCE_NOT_FOUND) return { ...error, code: INVALID_PARAMS };
  // The specification reserves this range. A legacy server's code in it has another meaning, or none.
  const reserved = error.code <= -32020 && error.code >= -32099;
  return reserved ? { ...error, code: INTERNAL_ERROR } : error;
}
