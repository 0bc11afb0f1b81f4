import type { ActOutcome } from '../../audit/model/record.ts';
import { faultError } from '../../platform/base/errors.ts';
import { withDoubles } from '../../platform/base/exactJson.ts';
import { OWN_SLUG } from '../../registry/records/server.ts';
import type { BuiltInTools } from '../catalogue/builtInTools.ts';
import { unknownTool } from '../catalogue/view.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject } from '../protocol/jsonRpc.ts';
import { invalid, outcomeResponse, ownResult } from '../protocol/responses.ts';
import { type Call, recordCall } from './call.ts';
import type { Parts } from './parts.ts';

/**
 * Answers a call of a built-in tool. `shown` is its name at the endpoint, `name` its own. A tool that the caller's roles do not
 * allow is answered and recorded like a missing one.
 */
export async function callBuiltInTool(
  { inbound, request }: Call,
  shown: string,
  name: string,
  builtInTools: BuiltInTools,
  { audit }: Parts,
): Promise<Response> {
  const { client, message } = inbound;
  const { actor, trace, signal } = request;
  const args = withDoubles(message.params?.['arguments'] ?? {});
  if (!isObject(args)) return invalid(inbound, 'params.arguments must be an object.');
  const record = recordCall(request, message.method, audit);
  const resource = `servers/${OWN_SLUG}/tools/${name}`;
  if (!(await builtInTools.list(actor)).some((tool) => tool.name === name)) {
    record(resource, 'refused', 'not_found');
    return outcomeResponse(client, message.id, { error: toJsonRpcError(unknownTool(shown)) });
  }
  let outcome: ActOutcome = 'internal';
  try {
    const answer = await builtInTools.call(name, args, { actor, trace, signal });
    outcome = answer.outcome;
    return ownResult(inbound, answer.result);
  } catch (error) {
    outcome = faultError(error).kind;
    throw error;
  } finally {
    record(resource, 'allowed', signal.aborted ? 'cancelled' : outcome);
  }
}
