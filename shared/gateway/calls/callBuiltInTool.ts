import type { ActOutcome } from '../../audit/model/record.ts';
import { faultError } from '../../platform/base/errors.ts';
import { OWN_SLUG } from '../../registry/records/server.ts';
import { type Call, invalid, ownResult, type Parts } from './call.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject } from '../protocol/jsonRpc.ts';
import type { OwnTools } from '../catalogue/builtInTools.ts';
import { recordCall } from './recordCall.ts';
import { outcomeResponse } from '../protocol/responses.ts';
import { unknownTool } from '../catalogue/serverView.ts';

/** Answers a call of one of the gateway's own tools; undefined when the request is none. */
export function callOwnTool(call: Call, parts: Parts): Promise<Response> | undefined {
  const { ownTools } = parts;
  const { method, params } = call.inbound.message;
  if (ownTools === undefined || method !== 'tools/call') return undefined;
  const shown = params?.['name'];
  const name = typeof shown === 'string' ? call.view.ownTool?.(shown) : undefined;
  return name === undefined ? undefined : answer(call, String(shown), name, ownTools, parts);
}

/** A tool that the caller's roles do not allow is answered, and recorded, like one that there is not. */
async function answer(
  { inbound, request, session }: Call,
  shown: string,
  name: string,
  ownTools: OwnTools,
  { audit, inFlight }: Parts,
): Promise<Response> {
  const { era, message } = inbound;
  const { principal, trace } = request;
  const args = message.params?.['arguments'] ?? {};
  if (!isObject(args)) return invalid(inbound, 'params.arguments must be an object.');
  const record = recordCall(request, message.method, audit);
  const resource = `servers/${OWN_SLUG}/tools/${name}`;
  if (!(await ownTools.list(principal)).some((tool) => tool.name === name)) {
    record(resource, 'refused', 'not_found');
    return outcomeResponse(era, message.id, { error: toJsonRpcError(unknownTool(shown)) });
  }
  const flight = session && inFlight.begin(session.id, message.id, request.signal);
  let came: ActOutcome = 'internal';
  try {
    const signal = flight?.signal ?? request.signal;
    const { result, outcome } = await ownTools.call(name, args, { principal, trace, signal });
    came = outcome;
    return ownResult(inbound, result);
  } catch (error) {
    came = faultError(error).kind;
    throw error;
  } finally {
    flight?.end();
    record(resource, 'allowed', came);
  }
}
