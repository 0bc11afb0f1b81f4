import type { Era } from '../../registry/records/era.ts';
import {
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  UNSUPPORTED_VERSION,
} from './errorCodes.ts';
import { isCacheable, NOT_FRESH } from './freshness.ts';
import { isObject, type JsonObject, type JsonRpcError, type Outcome } from './jsonRpc.ts';
import { GATEWAY_INFO, META, metaOf, withoutReserved } from './versions.ts';

/**
 * What an upstream answered to `method`, as a client of the other era understands it; within one era fields and codes
 * stay as they are. Between the gateway and the upstream alone are -32020 and -32022: no client can act on them.
 */
export function translateOutcome(from: Era, to: Era, outcome: Outcome, method: string): Outcome {
  return translations[from][to](outcome, method);
}

const translations: Record<Era, Record<Era, (outcome: Outcome, method: string) => Outcome>> = {
  legacy: {
    legacy: (outcome) => outcome,
    modern: (outcome, method) =>
      'error' in outcome
        ? { error: modernError(outcome.error) }
        : {
            result: dressResult({
              ...(isCacheable(method, {}) && NOT_FRESH),
              ...outcome.result,
              resultType: 'complete',
              ...('_meta' in outcome.result && { _meta: withoutReserved(metaOf(outcome.result)) }),
            }),
          },
  },
  modern: {
    legacy: (outcome, method) =>
      'error' in outcome ? legacyError(outcome.error, method) : legacyResult(outcome.result, method),
    modern: (outcome, method) =>
      'error' in outcome
        ? { error: ownHopError(outcome.error) ?? outcome.error }
        : {
            // What a server shows to one caller is for that caller, whatever the server believes.
            result: dressResult(
              isCacheable(method, outcome.result)
                ? { ...NOT_FRESH, ...outcome.result, cacheScope: NOT_FRESH.cacheScope }
                : outcome.result,
            ),
          },
  },
};

/** Adds what every modern result says: its type, and who answers unless the upstream said so. */
export function dressResult(result: JsonObject): JsonObject {
  return {
    resultType: 'complete',
    ...result,
    _meta: { [META.serverInfo]: GATEWAY_INFO, ...metaOf(result) },
  };
}

function legacyResult(
  { resultType, ttlMs: _ttl, cacheScope: _scope, ...result }: JsonObject,
  method: string,
): Outcome {
  if (resultType === 'input_required') {
    return unable(
      method,
      'asks the user for more input, which your client can give only in a session in which it declared that it can, or over MCP 2026-07-28 or later.',
    );
  }
  if (resultType !== undefined && resultType !== 'complete') {
    return unable(
      method,
      'answered in a form (such as a task) that your client can read only over MCP 2026-07-28 or later.',
    );
  }
  const { _meta: meta, structuredContent, ...rest } = result;
  // Before 2026-07-28 structured content is an object; the rest of the result says the same in text.
  const structured = isObject(structuredContent) ? { structuredContent } : {};
  const text =
    structuredContent !== undefined && !isObject(structuredContent) && !hasContent(result)
      ? { content: [{ type: 'text', text: JSON.stringify(structuredContent) }] }
      : {};
  return {
    result: {
      ...rest,
      ...text,
      ...structured,
      ...(isObject(meta) && { _meta: withoutReserved(meta) }),
    },
  };
}

const hasContent = ({ content }: JsonObject): boolean => Array.isArray(content) && content.length > 0;

function legacyError(error: JsonRpcError, method: string): Outcome {
  // The modern code has other meanings too; the data of the specification's example tells them apart.
  const names = isObject(error.data) ? error.data['uri'] : undefined;
  if (method === 'resources/read' && error.code === INVALID_PARAMS && typeof names === 'string')
    return { error: { ...error, code: LEGACY_RESOURCE_NOT_FOUND } };
  if (error.code !== MISSING_CLIENT_CAPABILITY) return { error: ownHopError(error) ?? error };
  const needed = isObject(error.data) ? error.data['requiredCapabilities'] : undefined;
  const missing = isObject(needed) ? Object.keys(needed).join(', ') : '';
  return unable(
    method,
    `needs a client with more capabilities${missing === '' ? '' : ` (${missing})`} than your client can use through the gateway.`,
  );
}

function modernError(error: JsonRpcError): JsonRpcError {
  if (error.code === LEGACY_RESOURCE_NOT_FOUND) return { ...error, code: INVALID_PARAMS };
  // The specification keeps this range for itself; a legacy server's code there means something else, or nothing.
  const reserved = error.code <= -32020 && error.code >= -32099;
  return reserved ? { ...error, code: INTERNAL_ERROR } : error;
}

function ownHopError({ code }: JsonRpcError): JsonRpcError | undefined {
  if (code === HEADER_MISMATCH) {
    return {
      code: INTERNAL_ERROR,
      message:
        'The server refused the headers of the call: what the gateway knows of this tool may be out of date.',
    };
  }
  if (code === UNSUPPORTED_VERSION) {
    return {
      code: INTERNAL_ERROR,
      message: 'The server no longer speaks the protocol version that it was registered with.',
    };
  }
  return undefined;
}

/** What a client cannot have: a failure that the model should see, and may tell the user, where it called a tool. */
function unable(method: string, why: string): Outcome {
  return method === 'tools/call'
    ? { result: { content: [{ type: 'text', text: `This tool ${why}` }], isError: true } }
    : { error: { code: INTERNAL_ERROR, message: `The server ${why}` } };
}
