import type { AuditRecord } from '../../audit/model/record.ts';
import { isPermission, rolesWith } from '../../identity/access/permissions.ts';
import { type Refusal, REQUIRED_SCOPE } from '../../identity/tokens/verifyToken.ts';
import { type Finding, type Severity, defineFindings } from '../finding.ts';

type Reason = Refusal | 'origin';
interface Explanation {
  /** What was wrong. */
  readonly what: string;
  /** The rule that the request broke. */
  readonly rule: string;
  readonly remedy: string;
}

/** The meaning of each reason in the audit trail. */
export const reasons = {
  missing: {
    what: 'it had no access token',
    rule: 'Every request but discovery and health carries "Authorization: Bearer".',
    remedy:
      'Do nothing if the client then signed in: the refusal tells it where to. Otherwise check that the client sends the header and that no proxy removes it.',
  },
  repeated: {
    what: 'it had more than one token',
    rule: 'A request has one Authorization header, and no token in its URL (RFC 6750, section 2).',
    remedy:
      "Let the client send one token. If a proxy adds a header of its own, let it replace the client's header.",
  },
  malformed: {
    what: 'its Authorization header held no JWT',
    rule: 'The header is "Bearer" and one signed JWT of at most 16 KiB.',
    remedy: 'Let the client send the access token, not an id token reference, a key or a password.',
  },
  unknown_tenant: {
    what: 'its token is of a tenant that may not sign in here',
    rule: 'The claim tid is one of MREG_TENANTS.',
    remedy:
      'Add the tenant to MREG_TENANTS of both apps, or let the user sign in with an account of a listed tenant.',
  },
  bad_signature: {
    what: 'no key of the issuer fits the signature of its token, or the algorithm is not allowed',
    rule: 'RS256, by a key that the issuer publishes for the tenant now.',
    remedy:
      'Get a new token. If all users are refused, the issuer rotated its keys: check that the apps reach the issuer. If one user is refused, the token may be forged.',
  },
  expired: {
    what: 'its token had expired',
    rule: 'The claim exp is at most 60 seconds in the past.',
    remedy: 'Let the client renew its token before it expires, and check the clock of its machine.',
  },
  not_yet_valid: {
    what: 'its token was not valid yet',
    rule: 'The claim nbf is at most 60 seconds in the future.',
    remedy: 'Check the clocks of the issuer and of the app.',
  },
  wrong_audience: {
    what: 'its token was issued for another application',
    rule: 'The claim aud is MREG_API_CLIENT_ID.',
    remedy: `Let the client request the scope api://{MREG_API_CLIENT_ID}/${REQUIRED_SCOPE}: a token for Microsoft Graph or another API is not accepted.`,
  },
  wrong_claims: {
    what: 'a claim of its token was missing or malformed (version, issuer, tenant, object id)',
    rule: 'A v2.0 access token whose issuer is that of its tenant.',
    remedy: 'Set requestedAccessTokenVersion to 2 in the app registration.',
  },
  no_scope: {
    what: `its token lacked the scope ${REQUIRED_SCOPE}`,
    rule: `The token of a user has the scope ${REQUIRED_SCOPE}; the token of an app says that it is one.`,
    remedy: 'Let the client request that scope, and let an administrator of the tenant consent to it.',
  },
  no_role: {
    what: 'its token held no role of this gateway',
    rule: 'At least one of Gateway.Admin, Gateway.Operator, Gateway.Auditor, Gateway.User.',
    remedy: 'Assign an app role to the user, their group or the app in the enterprise application.',
  },
  origin: {
    what: 'it came from a web page whose origin may not call the gateway',
    rule: 'The header Origin is one of MREG_ALLOWED_ORIGINS, or absent.',
    remedy: 'Add the origin of that page to MREG_ALLOWED_ORIGINS if the page is yours.',
  },
} as const satisfies Record<Reason, Explanation>;

const isReason = (name: string): name is Reason => Object.hasOwn(reasons, name);

export const isRefusal = ({ decision }: Pick<AuditRecord, 'decision'>): boolean => decision === 'refused';

/** The refusals of one actor for one reason. */
interface RefusalGroup {
  readonly reason: string;
  readonly actor: string;
  /** Known for refusals of permissions only. */
  readonly app?: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** The newest few. */
  readonly traceIds: readonly string[];
}

const MAX_TRACES = 5;

/** Groups refusals by reason and actor, the most frequent first. */
export function groupRefusals(records: readonly AuditRecord[]): readonly RefusalGroup[] {
  const groups = Map.groupBy(records.filter(isRefusal), ({ actor, action, resource }) =>
    JSON.stringify([actor, action, resource]),
  );
  return [...groups.values()].flatMap(groupOf).sort((a, b) => b.count - a.count);
}

function groupOf(group: readonly AuditRecord[]): RefusalGroup[] {
  const [first] = group;
  if (!first) return [];
  const { actor, action, resource } = first;
  const times = group.map(({ at }) => at).sort();
  return [
    {
      reason: action === 'sign_in' ? resource : action,
      actor,
      ...(action !== 'sign_in' && { app: resource }),
      count: group.reduce((sum, { count = 1 }) => sum + count, 0),
      firstAt: times[0] ?? first.at,
      lastAt: times.at(-1) ?? first.at,
      traceIds: [...new Set(group.map(({ traceId }) => traceId).filter(Boolean))].slice(0, MAX_TRACES),
    },
  ];
}

const finding = defineFindings({
  'sign_in_*': ({
    reason,
    group,
    severity,
  }: {
    reason: Reason;
    group: RefusalGroup;
    severity: Severity;
  }) => ({
    variant: reason,
    severity: reason === 'missing' ? 'info' : severity,
    message: `${refused(group)} refused: ${reasons[reason].what}`,
    evidence: { ...group, heldTo: reasons[reason].rule },
    remedy: reasons[reason].remedy,
  }),
  permission_lacking: ({ group, severity }: { group: RefusalGroup; severity: Severity }) => {
    const { reason, app = '' } = group;
    const roles = (isPermission(reason) ? rolesWith(reason) : []).map((role) => `Gateway.${role}`).join(', ');
    return {
      severity,
      message: `${refused(group)} refused by the ${app} app: their roles do not include the permission ${reason}`,
      evidence: { ...group, heldTo: `The permission ${reason} is of ${roles || 'no role'}.` },
      remedy: roles
        ? `Give the user one of ${roles}, if they are to do this.`
        : 'This version has no such permission: check that both apps run the same build.',
    };
  },
});

function refused({ actor, count }: RefusalGroup): string {
  const who = actor === 'unknown' || actor === 'various' ? 'an unknown caller' : `the user ${actor}`;
  return count === 1 ? `a request of ${who} was` : `${count} requests of ${who} were`;
}

/** Explains why a group was refused, by which rule, and what to do. */
export const explainRefusals = (group: RefusalGroup, severity: 'warning' | 'critical'): Finding =>
  isReason(group.reason)
    ? finding('sign_in_*', { reason: group.reason, group, severity })
    : finding('permission_lacking', { group, severity });
