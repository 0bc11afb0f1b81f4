import { toJsonRpcError } from './errorCodes.ts';
import { isObject, type JsonObject, type Outcome } from './jsonRpc.ts';

/** The keys of the gateway's elicitations in a result, before their number. A server's own keys are others. */
const PREFIX = 'mcp-registry-gateway/url-';

/**
 * Returns the result that asks a modern client to open web pages (2026-07-28, client/elicitation). It needs no `requestState`: the
 * request has ended, and a retry is a new one.
 */
export function askForPages(pages: readonly JsonObject[]): JsonObject {
  const requests = pages.map((page, index) => {
    const params = { message: '', ...page, mode: 'url' };
    return [`${PREFIX}${index + 1}`, { method: 'elicitation/create', params }] as const;
  });
  return { resultType: 'input_required', inputRequests: Object.fromEntries(requests) };
}

/** Returns the outcome of a retry whose client did not open all pages: the gateway would only ask again. */
export function pagesNotOpened({ inputResponses }: JsonObject): Outcome | undefined {
  if (!isObject(inputResponses)) return undefined;
  const isOpened = (response: unknown) => isObject(response) && response['action'] === 'accept';
  const all = Object.entries(inputResponses).filter(([key]) => key.startsWith(PREFIX));
  if (all.every(([, response]) => isOpened(response))) return undefined;
  const message = 'The server needs the user to open a web page first, and the user did not.';
  return { error: toJsonRpcError({ kind: 'cancelled', message }) };
}

/** Returns the params of a retry as its server gets them: without the responses to the gateway's own elicitations. */
export function withoutPages(params: JsonObject): JsonObject {
  const { inputResponses, ...rest } = params;
  if (!isObject(inputResponses)) return params;
  const others = Object.entries(inputResponses).filter(([key]) => !key.startsWith(PREFIX));
  return others.length === 0 ? rest : { ...rest, inputResponses: Object.fromEntries(others) };
}
