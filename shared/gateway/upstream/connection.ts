import type { SignedIn } from '../../identity/credentials/credentials.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { JsonObject, RequestId } from '../protocol/jsonRpc.ts';
import type { ClientSession } from '../session/clientSessions.ts';
import type { Answer } from './answer.ts';

/** One request of a client, in the words of the server that it goes to. */
export interface UpstreamCall {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  /** For `tools/call`: the tool as its server describes it. */
  readonly tool?: Tool | undefined;
  /** What the client says of itself, where it says anything. */
  readonly envelope: Envelope | undefined;
  readonly traceparent: string;
}

/** Why a call is aborted when its time is over. For any other reason nobody waits for it any more, which tells nothing of the server. */
export const TIME_OVER = 'time over';

/** An upstream server as one caller may use it. Who calls it need not know which era it speaks. */
export interface Connection {
  readonly era: Era;
  /** Ids and progress tokens in the answer are the client's. @throws UpstreamFault */
  request(call: UpstreamCall, signal: AbortSignal): Promise<Answer>;
}

/** On whose behalf a server is called. */
export interface Caller {
  readonly principal: Principal;
  /** Absent: the client keeps none, so a server cannot ask it anything while it works. */
  readonly session: ClientSession | undefined;
  /** Who is signed in, looked at only where a server is called as that user; undefined where there is no token. */
  readonly user: () => SignedIn | undefined;
}
