import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import { HEADER_MISMATCH, INTERNAL_ERROR, toJsonRpcError, UNSUPPORTED_VERSION } from './errorCodes.ts';
import type { Freshness } from './freshness.ts';
import type { JsonObject, JsonRpcError, Outcome } from './jsonRpc.ts';

/** A web page that a person has to open before a request can be carried out. */
export interface PageToOpen {
  /** Names the page to a legacy client. */
  readonly id: string;
  readonly url: string;
  /** Why the page has to be opened, in a sentence. */
  readonly message: string;
}

/** What the gateway does differently for clients of the two eras. `classify` chooses one; no other code compares eras. */
export interface ClientEra {
  readonly era: Era;
  /** Whether requests may name a session in the header `Mcp-Session-Id`. */
  readonly hasSessions: boolean;
  /** Completes a result that the gateway itself made. */
  ownResult(result: JsonObject): JsonObject;
  /** Returns the fields by which a result tells clients how long they may cache it. */
  cacheHints(freshness: Freshness): object;
  /** Returns the HTTP status of a JSON-RPC error that a method returned. */
  errorStatus(code: number): number;
  /** The JSON-RPC code of a resource that does not exist. */
  readonly resourceNotFound: number;
  /** Returns a tool in the shape of this era. */
  showTool(tool: Tool): Tool;
  /** Returns the capabilities of such a client that the gateway can carry to a server of each era. */
  readonly carries: Readonly<Record<Era, (capabilities: JsonObject) => JsonObject>>;
  /**
   * Translates what a server of each era answered to `method`. Within one era fields and codes stay. -32020 and -32022 concern
   * the gateway and the server alone, so no client receives them.
   */
  readonly translate: Readonly<Record<Era, (outcome: Outcome, method: string) => Outcome>>;
  /**
   * Returns the outcome of a request `method` that asks the client to open a page. A client with these capabilities that opens no
   * pages gets the address in words.
   */
  askToOpen(page: PageToOpen, method: string, capabilities: JsonObject): Outcome;
  /** Returns what is wrong with the headers that repeat a tool's arguments, or `undefined`. */
  headerMismatch(tool: Tool, args: JsonObject, headers: Headers): string | undefined;
}

/** Tells of a page in words: to the model, where it called a tool; else in an error, with the address in its data. */
export function pageInWords({ url, message }: PageToOpen, method: string): Outcome {
  const text = `${message} Open ${url} in a browser, then repeat this request.`;
  return method === 'tools/call'
    ? { result: { content: [{ type: 'text', text }], isError: true } }
    : { error: toJsonRpcError({ kind: 'forbidden', message: text }, { url }) };
}

/** Replaces an error that concerns the gateway and the server alone; `undefined` for every other error. */
export function replaceHopError({ code }: JsonRpcError): JsonRpcError | undefined {
  if (code === HEADER_MISMATCH) {
    return {
      code: INTERNAL_ERROR,
      message:
        'The server rejected the headers of the call. The gateway may have an old definition of this tool.',
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
