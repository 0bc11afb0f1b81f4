import { hasFeature } from '../protocol/clientFeatures.ts';
import { URL_ELICITATION_REQUIRED } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type Outcome } from '../protocol/jsonRpc.ts';
import { MAX_MRTR_REQUESTS } from '../protocol/limits.ts';
import { askForPages } from '../protocol/pagesToOpen.ts';

/**
 * Returns the result that asks a modern client to open web pages, for the error by which a legacy server asks for this
 * (2025-11-25, client/elicitation, URL Elicitation Required Error). Returns `undefined` for every other outcome, and for a client
 * that opens no pages.
 */
export function pagesToOpen(outcome: Outcome, capabilities: JsonObject): Outcome | undefined {
  if (!('error' in outcome) || outcome.error.code !== URL_ELICITATION_REQUIRED) return undefined;
  const { data } = outcome.error;
  const listed: unknown = isObject(data) ? data['elicitations'] : undefined;
  if (!Array.isArray(listed) || !hasFeature(capabilities, 'elicitation.url')) return undefined;
  const pages = listed.flatMap((elicitation: unknown) => {
    if (!isObject(elicitation) || typeof elicitation['url'] !== 'string') return [];
    const { elicitationId: _legacy, ...page } = elicitation;
    return [page];
  });
  if (pages.length === 0 || pages.length > MAX_MRTR_REQUESTS) return undefined;
  return { result: askForPages(pages) };
}
