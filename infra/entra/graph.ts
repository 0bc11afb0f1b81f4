import { parseJsonBytes } from '../../shared/platform/base/json.ts';
import { readBoundedBody } from '../../shared/platform/base/readBounded.ts';
import { LocalError } from '../local/localError.ts';
import { GraphError } from './graphError.ts';

/** A change in the directory. `what` describes it to the user: `create …`, `update …`. */
export interface Change {
  readonly method: 'PATCH' | 'POST';
  readonly path: string;
  readonly body: object;
  readonly what: string;
  /** Creates the object of the path if there is none, instead of 404. */
  readonly createIfMissing?: boolean;
}

/** Microsoft Graph v1.0. Paths begin without `/`. Each function throws `GraphError` if Graph refuses. */
export interface Graph {
  /** Returns the object, or `undefined` for 404. */
  find(path: string): Promise<unknown>;
  /** Returns the object, which must exist. */
  get(path: string): Promise<unknown>;
  /** Returns the entries of all pages. The object of the path must exist. */
  list(path: string): Promise<unknown[]>;
  /** Returns what Graph answers, or `undefined` if that is nothing. */
  write(change: Change): Promise<unknown>;
}

export interface GraphDeps {
  readonly origin: string;
  readonly token: string;
  readonly wait: (ms: number) => Promise<unknown>;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}
interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 8 * 1_024 * 1_024;
const MAX_PAGES = 200;
/** With the waits below it is a little over a minute. Entra copies a new object to its other machines in this time. */
const MAX_ATTEMPTS = 9;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** A longer `Retry-After` ends the command, and the message says so. */
const MAX_RETRY_AFTER_MS = 120_000;

/** How Entra says, beside 404, that a new object or role has not reached all of its machines. */
const notYetThere =
  /does not reference a valid application object|Permission being assigned was not found|cannot be found in the AppPermissions/;

const isAbsent = ({ status }: GraphError): boolean => status === 404;

export function connectGraph({ origin, token, wait }: GraphDeps): Graph {
  const base = `${origin}/v1.0/`;

  async function exchange({ method, path, body, headers }: Request): Promise<Answer> {
    const response = await fetch(base + path, {
      method,
      // The token goes to Graph alone.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const bytes = await readBoundedBody(response, MAX_BYTES);
    if (!bytes) throw new LocalError(`Microsoft Graph answered more than ${MAX_BYTES} bytes`);
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: parseJsonBytes(bytes),
    };
  }

  /** Returns the answer of the last attempt. `isLate` says for which further answers another attempt is worth it. */
  async function send(request: Request, isLate: (error: GraphError) => boolean): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await exchange(request).catch((error: unknown) => {
        unreachable(error, attempt);
      });
      const backOffMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), MAX_WAIT_MS);
      let waitMs = backOffMs;
      if (answer) {
        if (answer.status < 400) return answer;
        const error = new GraphError(request, answer.status, answer.body);
        const isWorthIt = answer.status === 429 || answer.status >= 500 || isLate(error);
        waitMs = retryAfterMs(answer.retryAfter) ?? backOffMs;
        if (!isWorthIt || attempt === MAX_ATTEMPTS || waitMs > MAX_RETRY_AFTER_MS) throw error;
      }
      await wait(waitMs);
    }
  }

  return {
    async find(path) {
      try {
        return (await send({ method: 'GET', path }, () => false)).body;
      } catch (error) {
        if (error instanceof GraphError && isAbsent(error)) return undefined;
        throw error;
      }
    },
    async get(path) {
      return (await send({ method: 'GET', path }, isAbsent)).body;
    },
    async list(path) {
      const entries: unknown[] = [];
      let next: string | undefined = path;
      for (let page = 0; next !== undefined; page++) {
        if (page === MAX_PAGES) throw new LocalError(`Microsoft Graph has more than ${MAX_PAGES} pages`);
        const { body } = await send({ method: 'GET', path: next }, isAbsent);
        const { value, nextLink } = pageOf(body);
        entries.push(...value);
        if (nextLink !== undefined && !nextLink.startsWith(base))
          throw new LocalError('Microsoft Graph sent a link to another host');
        next = nextLink?.slice(base.length);
      }
      return entries;
    },
    async write({ method, path, body, createIfMissing }) {
      const headers = createIfMissing ? { prefer: 'create-if-missing' } : {};
      const isLate = (error: GraphError) =>
        isAbsent(error) || (error.status === 400 && notYetThere.test(error.reason));
      return (await send({ method, path, body, headers }, isLate)).body;
    },
  };
}

/** @throws LocalError after the last attempt, with the code of the network error. */
function unreachable(error: unknown, attempt: number): void {
  if (error instanceof LocalError) throw error;
  if (attempt < MAX_ATTEMPTS) return;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const reason = typeof code === 'string' ? code : cause instanceof Error ? cause.name : 'unknown';
  throw new LocalError(`Microsoft Graph cannot be reached: ${reason}`);
}

/** Returns the milliseconds of a `Retry-After` in seconds, the only form that Graph sends. */
const retryAfterMs = (text: string | null): number | undefined =>
  text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;

function pageOf(body: unknown): { readonly value: unknown[]; readonly nextLink: string | undefined } {
  if (typeof body !== 'object' || body === null || !('value' in body) || !Array.isArray(body.value))
    throw new LocalError('Microsoft Graph answered a list without entries');
  const link = '@odata.nextLink' in body ? body['@odata.nextLink'] : undefined;
  return { value: body.value, nextLink: typeof link === 'string' ? link : undefined };
}
