import type { Era, Tool } from '../../registry/server.ts';
import type { Envelope } from '../envelope.ts';
import type { JsonObject, RequestId } from '../jsonRpc.ts';
import type { Answer } from './answer.ts';

/** One call of a tool, as the client made it. */
export interface ToolCall {
  readonly id: RequestId;
  /** The tool as its server describes and names it. */
  readonly tool: Tool;
  readonly params: JsonObject;
  /** What a modern client says of itself; a legacy client says nothing of the kind. */
  readonly envelope: Envelope | undefined;
  readonly traceparent: string;
}

/** An upstream server as one caller may use it. Who calls it need not know which era it speaks. */
export interface Connection {
  readonly era: Era;
  /** Ids and progress tokens in the answer are the client's. @throws UpstreamFault */
  callTool(call: ToolCall, signal: AbortSignal): Promise<Answer>;
}
