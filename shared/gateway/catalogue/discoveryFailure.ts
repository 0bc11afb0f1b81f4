import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import { faultErrors, UpstreamFault } from '../upstream/fault.ts';

/** A server that answered, and not as a server that can be registered. The message completes "The server …". */
export class Unfit extends Error {}

/** What the administrator can do about it, where the kind tells. */
const advice: Readonly<Partial<Record<UpstreamFault['kind'], string>>> = {
  unreachable: 'Is it running, and is the URL right?',
  timeout: 'Is it running, and not overloaded? Then register it again.',
  credentials_wanted: 'Register a server that needs none, or let it admit the gateway.',
  not_mcp: 'Does the URL end in the path of its MCP endpoint, often /mcp?',
};

/** A failed discovery in words for whoever registered the server. @throws what is neither of the server's two failures */
export function explainFailure(error: unknown): DomainError {
  if (error instanceof Unfit) return { kind: 'invalid', message: `The server ${error.message}.` };
  if (!(error instanceof UpstreamFault)) throw error;
  const hint = advice[error.kind] ?? statusAdvice(error.status);
  return {
    kind: kindOf(error),
    message: `The server ${error.message}.${hint === undefined ? '' : ` ${hint}`}`,
  };
}

function statusAdvice(status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  if (status >= 500) return 'Look at its own log, then register it again.';
  if (status >= 300 && status < 400) return 'Register the URL that it redirects to.';
  return advice.not_mcp;
}

/** Trying again can help where the server was not there; where it answered, its registration must change. */
function kindOf({ kind, status }: UpstreamFault): ErrorKind {
  if (kind === 'not_mcp' || kind === 'address_refused' || kind === 'credentials_wanted') return 'invalid';
  if (kind === 'http_status' && (status ?? 0) < 500) return 'invalid';
  return faultErrors[kind];
}
