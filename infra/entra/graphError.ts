import { z } from 'zod';
import { boundedLine } from '../../shared/platform/base/boundedLine.ts';
import { LocalError } from '../local/localError.ts';

/** What a change needs in the directory, by the path of the request. The first row that matches counts. */
const rights: readonly (readonly [RegExp, string])[] = [
  [
    /\/appRoleAssignedTo/,
    'the permission AppRoleAssignment.ReadWrite.All; a person also owns the enterprise application or has the directory role Cloud Application Administrator',
  ],
  [
    /^/,
    'the permission Application.ReadWrite.All (a service principal: Application.ReadWrite.OwnedBy); a person also has the directory role Application Developer or Cloud Application Administrator',
  ],
];

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Microsoft Graph refused a request. The message is one line, without the token. */
export class GraphError extends LocalError {
  readonly status: number;
  readonly code: string;
  /** What Graph says, as one line of at most 300 characters. */
  readonly reason: string;

  constructor(request: { readonly method: string; readonly path: string }, status: number, body: unknown) {
    const { code, message } = errorSchema.safeParse(body).data?.error ?? { code: '', message: '' };
    const reason = boundedLine(message, 300);
    super(explain(request, status, `${code} ${reason}`.trim()));
    this.status = status;
    this.code = code;
    this.reason = reason;
  }
}

function explain({ method, path }: { method: string; path: string }, status: number, said: string): string {
  if (status === 401)
    return 'Microsoft Graph does not accept the sign-in. Sign in again: azd auth login, or az login';
  const [where = ''] = path.split('?');
  if (status === 403) {
    const needed = rights.find(([pattern]) => pattern.test(path))?.[1] ?? '';
    return (
      `Microsoft Graph refused ${method} ${where}: the sign-in lacks a right. It needs ${needed}. ` +
      'Without these rights, set MREG_API_CLIENT_ID to the client id of a registration that an administrator made'
    );
  }
  const late = status === 429 || status >= 500 ? ' (try again later)' : '';
  return `Microsoft Graph answered ${status} to ${method} ${where}: ${said || 'no reason'}${late}`;
}
