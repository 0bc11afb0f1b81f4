import type { HttpDeps } from '../../functions/http/serve.ts';
import { type Role, roles } from '../../shared/identity/access/actor.ts';
import type { Verdict } from '../../shared/identity/tokens/verifyToken.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { testSeal } from './seal.ts';

export interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export interface FakeHttpDeps extends HttpDeps {
  readonly lines: LoggedLine[];
  /** Every `Authorization` header that was judged. */
  readonly judged: (string | null)[];
}

export const callerTenant = '11111111-1111-4111-8111-111111111111';

/** What the wrapper stands on: a token is the name of a role, `Bearer Admin`; ids count up; the log is kept. */
export function fakeHttpDeps(more: Partial<HttpDeps> = {}): FakeHttpDeps {
  const lines: LoggedLine[] = [];
  const judged: (string | null)[] = [];
  let ids = 0;
  const at =
    (level: LoggedLine['level']) =>
    (event: string, fields: LoggedLine['fields'], cause?: unknown): void => {
      lines.push({ level, event, fields, cause });
    };
  return {
    lines,
    judged,
    newId: () => `id-${++ids}`,
    clock: systemClock,
    seal: testSeal,
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    allowedOrigins: new Set(['https://app.contoso.com']),
    ownHosts: new Set(['gateway.example']),
    resource: 'https://gateway.example',
    isRevoked: () => Promise.resolve(false),
    challenge: { scope: 'api://client/mcp.access', resourceMetadata: 'https://mcp.contoso.com/metadata' },
    verifyToken: (authorization) => {
      judged.push(authorization);
      return Promise.resolve(judge(authorization));
    },
    ...more,
  };
}

function judge(authorization: string | null): Verdict {
  if (authorization === null) return { refusal: 'missing' };
  const role = roles.find((name): name is Role => authorization === `Bearer ${name}`);
  if (role === undefined) return { refusal: authorization === 'Bearer roleless' ? 'no_role' : 'malformed' };
  return {
    actor: {
      tenantId: callerTenant,
      userId: 'user',
      kind: 'user',
      clientId: 'client',
      roles: [role],
      expiresAt: 0,
    },
  };
}
