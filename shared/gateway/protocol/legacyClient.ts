import { type ClientEra, pageInWords, replaceHopError } from './clientEra.ts';
import { carriedFeatures, hasFeature } from './clientFeatures.ts';
import { stripReserved } from './envelope.ts';
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  URL_ELICITATION_REQUIRED,
} from './errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcError, type Outcome } from './jsonRpc.ts';

/** Clients of 2025-03-26 to 2025-11-25. */
export const legacyClient: ClientEra = {
  era: 'legacy',
  hasSessions: true,
  ownResult: (result) => result,
  cacheHints: () => ({}),
  errorStatus: () => 200,
  resourceNotFound: LEGACY_RESOURCE_NOT_FOUND,
  // Until 2025-11-25 the output of a tool is an object. Clients reject a whole list that says otherwise.
  showTool: ({ outputSchema, ...tool }) =>
    isObject(outputSchema) && outputSchema['type'] === 'object' ? { ...tool, outputSchema } : tool,
  carries: { legacy: carriedFeatures, modern: carriedFeatures },
  translate: {
    legacy: (outcome) => outcome,
    modern: (outcome, method) =>
      'error' in outcome ? legacyError(outcome.error, method) : legacyResult(outcome.result, method),
  },
  // 2025-11-25, client/elicitation, URL Elicitation Required Error.
  askToOpen(page, method, capabilities) {
    const { id: elicitationId, url, message } = page;
    const elicitations = [{ mode: 'url', elicitationId, url, message }];
    return hasFeature(capabilities, 'elicitation.url')
      ? { error: { code: URL_ELICITATION_REQUIRED, message, data: { elicitations } } }
      : pageInWords(page, method);
  },
  headerMismatch: () => undefined,
};

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
  const shown = stripReserved(result);
  const { structuredContent, ...rest } = shown;
  if (structuredContent === undefined || isObject(structuredContent)) return { result: shown };
  // Before 2026-07-28 structured content is an object. Other values become text, unless the result has content already.
  const text = { content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
  return { result: hasContent(result) ? rest : { ...rest, ...text } };
}

const hasContent = ({ content }: JsonObject): boolean => Array.isArray(content) && content.length > 0;

function legacyError(error: JsonRpcError, method: string): Outcome {
  // The modern code has other meanings too. The data of the specification's example tells them apart.
  const names = isObject(error.data) ? error.data['uri'] : undefined;
  if (method === 'resources/read' && error.code === INVALID_PARAMS && typeof names === 'string')
    return { error: { ...error, code: LEGACY_RESOURCE_NOT_FOUND } };
  if (error.code !== MISSING_CLIENT_CAPABILITY) return { error: replaceHopError(error) ?? error };
  const needed = isObject(error.data) ? error.data['requiredCapabilities'] : undefined;
  const missing = isObject(needed) ? Object.keys(needed).join(', ') : '';
  return unable(
    method,
    `needs a client with more capabilities${missing === '' ? '' : ` (${missing})`} than your client can use through the gateway.`,
  );
}

/** Returns a failure that the model sees and may report to the user, where it called a tool; else an error. */
function unable(method: string, why: string): Outcome {
  return method === 'tools/call'
    ? { result: { content: [{ type: 'text', text: `This tool ${why}` }], isError: true } }
    : { error: { code: INTERNAL_ERROR, message: `The server ${why}` } };
}
