/** Why a store gave no answer, as far as its fault shows. */
export type StoreFaultKind =
  'unreachable' | 'refused' | 'timeout' | 'auth' | 'missing_table' | 'busy' | 'other';

export interface StoreFault {
  readonly kind: StoreFaultKind;
  /** The code of the fault from a closed vocabulary (Node, Azure Storage, Redis); `unknown` if it has none. */
  readonly code: string;
}

/** Codes of Node's sockets and resolver, of Azure Storage, and the first words of Redis' errors. */
const kinds: Readonly<Record<string, StoreFaultKind>> = {
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ECONNRESET: 'unreachable',
  EPIPE: 'unreachable',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ESOCKETTIMEDOUT: 'timeout',
  OperationTimedOut: 'timeout',
  AuthenticationFailed: 'auth',
  AuthorizationFailure: 'auth',
  AuthorizationPermissionMismatch: 'auth',
  InvalidAuthenticationInfo: 'auth',
  NoAuthenticationInformation: 'auth',
  InsufficientAccountPermissions: 'auth',
  AccountIsDisabled: 'auth',
  NOAUTH: 'auth',
  WRONGPASS: 'auth',
  NOPERM: 'auth',
  TableNotFound: 'missing_table',
  TableBeingDeleted: 'missing_table',
  ServerBusy: 'busy',
  InternalError: 'busy',
  LOADING: 'busy',
  BUSY: 'busy',
  OOM: 'busy',
  READONLY: 'busy',
  MISCONF: 'busy',
  MASTERDOWN: 'busy',
  CLUSTERDOWN: 'busy',
};

/** Faults that have a name and no code. */
const names: Readonly<Record<string, StoreFaultKind>> = {
  AbortError: 'timeout',
  TimeoutError: 'timeout',
  AuthenticationError: 'auth',
  AggregateAuthenticationError: 'auth',
  CredentialUnavailableError: 'auth',
};

/** Messages of ioredis, and of our connection to Redis, that have no code. */
const words: readonly (readonly [RegExp, StoreFaultKind, string])[] = [
  [/timed? ?out|no connection in time/i, 'timeout', 'TIMEOUT'],
  [/^Connection is closed|connection is closed$/i, 'unreachable', 'CLOSED'],
];

const MAX_DEPTH = 6;

/** Classifies an error that a store threw, by its causes. Never returns their text, which may hold an address or a key. */
export function classifyStoreFault(error: unknown): StoreFault {
  for (const cause of causesOf(error)) {
    const found = classify(cause);
    if (found) return found;
  }
  return { kind: 'other', code: 'unknown' };
}

/** The innermost first: it is the most exact. */
function causesOf(error: unknown, depth = 0): readonly unknown[] {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return [];
  const below = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error.cause];
  return [...below.flatMap((cause) => causesOf(cause, depth + 1)), error];
}

function classify(cause: unknown): StoreFault | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code, statusCode, details } = cause as Error & {
    readonly code?: unknown;
    readonly statusCode?: unknown;
    readonly details?: { readonly odataError?: { readonly code?: unknown } };
  };
  const [firstWord] = cause.message.split(' ', 1);
  for (const name of [details?.odataError?.code, code, firstWord]) {
    if (typeof name === 'string' && Object.hasOwn(kinds, name))
      return { kind: kinds[name] ?? 'other', code: name };
  }
  if (Object.hasOwn(names, cause.name)) return { kind: names[cause.name] ?? 'other', code: cause.name };
  if (statusCode === 401 || statusCode === 403) return { kind: 'auth', code: `HTTP_${statusCode}` };
  if (statusCode === 429 || statusCode === 503) return { kind: 'busy', code: `HTTP_${statusCode}` };
  const worded = words.find(([pattern]) => pattern.test(cause.message));
  return worded && { kind: worded[1], code: worded[2] };
}
