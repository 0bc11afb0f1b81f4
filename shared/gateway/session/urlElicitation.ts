import { hasFeature } from '../protocol/clientFeatures.ts';
import { toJsonRpcError, URL_ELICITATION_REQUIRED } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type Outcome } from '../protocol/jsonRpc.ts';
import { MAX_MRTR_REQUESTS } from '../protocol/limits.ts';

/** The keys of these server requests in a result, before their number. */
const PREFIX = 'url-';

/**
 * Returns the result that asks a modern client to open web pages, for the error by which a legacy server asks for this
 * (2025-11-25, client/elicitation, URL Elicitation Required Error). It needs no `requestState`: the server ended the call, and a
 * retry is a new one. Returns `undefined` for every other outcome, and for a client that opens no pages.
 */
export function pagesToOpen(outcome: Outcome, capabilities: JsonObject): Outcome | undefined {
  if (!('error' in outcome) || outcome.error.code !== URL_ELICITATION_REQUIRED) return undefined;
  const { data } = outcome.error;
  const listed: unknown = isObject(data) ? data['elicitations'] : undefined;
  if (!Array.isArray(listed) || !hasFeature(capabilities, 'elicitation.url')) return undefined;
  const requests = listed.flatMap((elicitation: unknown, index) => {
    if (!isObject(elicitation) || typeof elicitation['url'] !== 'string') return [];
    const { elicitationId: _legacy, ...rest } = elicitation;
    const params = { message: '', ...rest, mode: 'url' };
    return [[`${PREFIX}${index + 1}`, { method: 'elicitation/create', params }] as const];
  });
  if (requests.length === 0 || requests.length > MAX_MRTR_REQUESTS) return undefined;
  return { result: { resultType: 'input_required', inputRequests: Object.fromEntries(requests) } };
}

/** Returns the outcome of a retry whose client did not open all pages: the server would only ask again. */
export function pagesNotOpened({ inputResponses }: JsonObject): Outcome | undefined {
  if (!isObject(inputResponses)) return undefined;
  const isOpened = (response: unknown) => isObject(response) && response['action'] === 'accept';
  const all = Object.entries(inputResponses).filter(([key]) => key.startsWith(PREFIX));
  if (all.every(([, response]) => isOpened(response))) return undefined;
  const message = 'The server needs the user to open a web page first, and the user did not.';
  return { error: toJsonRpcError({ kind: 'cancelled', message }) };
}
