import type * as z from 'zod';
import type { Actor } from '../../shared/identity/access/actor.ts';
import type { Permission } from '../../shared/identity/access/permissions.ts';
import type { ChallengeSettings } from '../../shared/identity/tokens/refusals.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import type { ParseText } from '../../shared/platform/base/json.ts';
import type { Result } from '../../shared/platform/base/result.ts';
import type { Trace } from '../../shared/platform/telemetry/trace.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The input of a handler. Its values never come from the host's parameters, which mix path, query and body. */
export interface Call<Body> {
  readonly actor: Actor;
  /** The route template's parameters, decoded, from the path alone. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  readonly trace: Trace;
  /** Where the request comes from, if the platform says it. */
  readonly address?: string | undefined;
  /** The id of a request with an `Idempotency-Key`. A repetition has the same id and finds the work of the first one. */
  readonly requestId?: string;
  /** Aborted at the deadline of the answer, and when the client leaves before it has the whole answer. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP function: its path, its permission, its body and its handler. */
export interface Route<Body = undefined> {
  /** Name of the function. The host matches routes in the alphabetical order of these. */
  readonly name: string;
  readonly method: Method;
  /** A template such as `servers/{slug}`. */
  readonly path: string;
  /** An anonymous route ignores the token and acts for `nobody`. */
  readonly permission: Permission | 'anonymous';
  /** Accepts every `Host`, because the platform probes the app by its address. Absent: only the app's own hosts. */
  readonly hosts?: 'any';
  /** Pages of every origin may call. For reads only: a page reads what its own token, or the URL, grants. */
  readonly pages?: 'every';
  /**
   * The anonymous route takes a token of the limit of the caller's address. For routes that check a signature, write, or call
   * another service. Other routes have limits of their own.
   */
  readonly isLimited?: true;
  /**
   * The query parameters that the route reads; none when absent. Any other is refused. `any`: clients that follow another
   * specification may send their own, which are ignored.
   */
  readonly query?: readonly string[] | 'any';
  /** Absent: the body is not read. */
  readonly body?: z.ZodType<Body>;
  /** Parses the text of the body. Absent: `JSON.parse`, for which every number is a double. */
  readonly parseBody?: ParseText;
  /** Parses a body of any content type. Absent: the body must be JSON, and its content type must say so. */
  readonly parseBytes?: (bytes: Uint8Array) => Result<unknown>;
  /** The body of a request without one. Absent: a body is required. */
  readonly bodyWhenAbsent?: Body;
  /**
   * The route handles a repetition of a request with an `Idempotency-Key` again: it finds the work that the first one began
   * under `requestId`, and reports its progress. Absent: a repetition gets the answer of the first one.
   */
  readonly isResumable?: true;
  readonly deadlineMs?: number;
  /** The URL of the endpoint, which a token of the gateway's own must be for; that of the app when absent. */
  readonly resource?: (params: Call<Body>['params'], query: URLSearchParams) => string;
  /** The settings of challenges of this path; those of the app when absent. */
  readonly challenge?: (params: Call<Body>['params'], query: URLSearchParams) => ChallengeSettings;
  handle(call: Call<Body>): Promise<Result<Answer> | Response>;
  /** Headers of every answer of the route, including errors. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** The format of an error; a problem document (RFC 9457) when absent. */
  readonly formatError?: (error: DomainError) => Answer;
}
