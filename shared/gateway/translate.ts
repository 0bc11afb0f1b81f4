import type { Era } from '../registry/server.ts';
import {
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  UNSUPPORTED_VERSION,
} from './errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcError, type Outcome } from './jsonRpc.ts';
import { GATEWAY_INFO, META, metaOf, withoutReserved } from './protocol.ts';

/**
 * What an upstream answered to `tools/call`, as a client of the other era understands it; within one era fields and codes
 * stay as they are. Between the gateway and the upstream alone are -32020 and -32022: no client can act on them.
 */
export function translateOutcome(from: Era, to: Era, outcome: Outcome): Outcome {
  return translations[from][to](outcome);
}

const translations: Record<Era, Record<Era, (outcome: Outcome) => Outcome>> = {
  legacy: {
    legacy: (outcome) => outcome,
    modern: (outcome) =>
      'error' in outcome
        ? { error: modernError(outcome.error) }
        : {
            result: dressResult({
              ...outcome.result,
              resultType: 'complete',
              ...('_meta' in outcome.result && { _meta: withoutReserved(metaOf(outcome.result)) }),
            }),
          },
  },
  modern: {
    legacy: (outcome) => ('error' in outcome ? legacyError(outcome.error) : legacyResult(outcome.result)),
    modern: (outcome) =>
      'error' in outcome
        ? { error: ownHopError(outcome.error) ?? outcome.error }
        : { result: dressResult(outcome.result) },
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

function legacyResult({ resultType, ttlMs: _ttl, cacheScope: _scope, ...result }: JsonObject): Outcome {
  if (resultType === 'input_required') {
    return toolError(
      'This tool asks the user for more input, which your client can give only over MCP 2026-07-28 or later.',
    );
  }
  if (resultType !== undefined && resultType !== 'complete') {
    return toolError(
      'This tool answered in a form (such as a task) that your client can read only over MCP 2026-07-28 or later.',
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

function legacyError(error: JsonRpcError): Outcome {
  if (error.code !== MISSING_CLIENT_CAPABILITY) return { error: ownHopError(error) ?? error };
  const needed = isObject(error.data) ? error.data['requiredCapabilities'] : undefined;
  const names = isObject(needed) ? Object.keys(needed).join(', ') : '';
  return toolError(
    `This tool needs a client with more capabilities${names === '' ? '' : ` (${names})`} than your client can use through the gateway.`,
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

/** A failure that the model should see, and may tell the user. */
function toolError(text: string): Outcome {
  return { result: { content: [{ type: 'text', text }], isError: true } };
}
