import type { z } from 'zod';
import type { Permission } from '../../shared/identity/access/permissions.ts';
import type { Principal } from '../../shared/identity/access/actor.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import type { Result } from '../../shared/platform/base/result.ts';
import type { Trace } from '../../shared/platform/telemetry/trace.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a handler is given. Nothing in it comes from where the host may have mixed path, query and body. */
export interface Call<Body> {
  readonly principal: Principal;
  /** The route template's parameters, decoded, from the path alone. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  readonly trace: Trace;
  /** The id of a request with an `Idempotency-Key`: a repetition has the same, and finds what was made under it. */
  readonly requestId?: string;
  /** Aborted when the answer would come too late. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP function: where it is, who may call it, what it takes and how it answers. */
export interface Route<Body = undefined> {
  /** Name of the function. The host matches routes in the alphabetical order of these. */
  readonly name: string;
  readonly method: Method;
  /** A template such as `servers/{slug}`. */
  readonly path: string;
  /** Anonymous routes are handled without a look at the token, on behalf of `nobody`. */
  readonly permission: Permission | 'anonymous';
  /** Accepts every `Host`, since the platform probes the app by its address. Absent: only the app's own hosts. */
  readonly hosts?: 'any';
  /** Pages of every origin may call. For reads alone: what a page gets is what its own token, or the URL, gives it. */
  readonly pages?: 'every';
  /** Absent: the body is not read. */
  readonly body?: z.ZodType<Body>;
  /** The body of a request without one. Absent: there must be one. */
  readonly bodyWhenAbsent?: Body;
  /**
   * The route handles a repetition of a request with an `Idempotency-Key` again: it finds the work that the first one began
   * under `requestId`, and reports its progress. Absent: a repetition gets the answer of the first one.
   */
  readonly isResumable?: true;
  readonly deadlineMs?: number;
  /** Where whoever is turned away reads about the resource at this path; what the app says of itself when absent. */
  readonly resourceMetadata?: (params: Call<Body>['params'], query: URLSearchParams) => string;
  handle(call: Call<Body>): Promise<Result<Answer> | Response>;
  /** Headers of every answer of the route, refusals included. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** How the route words an error; a problem document (RFC 9457) when absent. */
  readonly wordError?: (error: DomainError) => Answer;
}
